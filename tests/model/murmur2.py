"""Kafka's default partitioner for keyed records (org.apache.kafka.common.utils.Utils.murmur2)."""

SEED, M, R, WORD = 0x9747B28C, 0x5BD1E995, 24, 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    length = len(data)
    h = SEED ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * M & WORD
        k ^= k >> R
        h = (h * M & WORD) ^ (k * M & WORD)
    if length > whole:
        h ^= int.from_bytes(data[whole:], "little")
        h = h * M & WORD
    h ^= h >> 13
    h = h * M & WORD
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    return (murmur2(key) & 0x7FFFFFFF) % partitions
