// A stock worker as a good team would write it in Go: franz-go for Kafka, pgx for PostgreSQL.
//
// It reads stock counts, drops those whose id it has seen, and keeps the newest level of every
// (SKU, location). Offsets live in PostgreSQL and move in the transaction of their batch, fenced
// by an epoch, so that a batch counts once whoever dies. Lanes, each with a connection of its own,
// share the partitions; a lane takes whatever is waiting as its next batch.
//
//	franz_go BROKERS TOPIC DSN EVENTS
//
// Prints `assigned` and, once EVENTS are committed, `done`; then it goes on until SIGTERM.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	laneCount  = 3
	batchMax   = 5000
	chunksHeld = 4 // fetched chunks that may wait for a lane
	group      = "bench-franz-go"
)

type worker struct {
	topic     string
	dsn       string
	events    int64
	committed atomic.Int64
	lanes     [laneCount]*lane
	failed    chan error
}

func (w *worker) note(events int) {
	before := w.committed.Add(int64(events)) - int64(events)
	if before < w.events && before+int64(events) >= w.events {
		fmt.Println("done")
	}
}

func (w *worker) openClient(brokers string) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(brokers),
		kgo.ConsumeTopics(w.topic),
		kgo.ConsumerGroup(group),
		kgo.Balancers(kgo.RangeBalancer()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.FetchMaxBytes(8<<20),
		kgo.FetchMaxPartitionBytes(2<<20),
		kgo.AdjustFetchOffsetsFn(w.takePartitions),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			fmt.Println("assigned")
		}),
		// What a lane holds of a partition that went away would have to be thrown out first.
		// With one member there is no such moment: the process ends and starts anew.
		kgo.OnPartitionsLost(w.giveUp),
		kgo.OnPartitionsRevoked(w.giveUp),
	)
}

func (w *worker) giveUp(context.Context, *kgo.Client, map[string][]int32) {
	select {
	case w.failed <- errors.New("partitions were taken away"):
	default:
	}
}

// takePartitions bumps the epoch of what was assigned and says where PostgreSQL left off.
func (w *worker) takePartitions(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (
	map[string]map[int32]kgo.Offset, error) {
	for partition := range assigned[w.topic] {
		next, err := w.lanes[partition%laneCount].take(ctx, partition)
		if err != nil {
			return nil, err
		}
		assigned[w.topic][partition] = kgo.NewOffset().At(next)
	}
	return assigned, nil
}

func (w *worker) poll(ctx context.Context, client *kgo.Client) error {
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachPartition(func(part kgo.FetchTopicPartition) {
			if len(part.Records) > 0 {
				w.lanes[part.Partition%laneCount].in <- part.Records
			}
		})
		client.AllowRebalance()
		select {
		case err := <-w.failed:
			return err
		default:
		}
	}
}

func (w *worker) run(ctx context.Context, brokers string) error {
	for at := range w.lanes {
		lane, err := openLane(ctx, w)
		if err != nil {
			return err
		}
		w.lanes[at] = lane
		go func() {
			if err := lane.run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				w.failed <- err
			}
		}()
	}
	client, err := w.openClient(brokers)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	return w.poll(ctx, client)
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: franz_go BROKERS TOPIC DSN EVENTS")
	}
	events, err := strconv.ParseInt(os.Args[4], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	debug.SetGCPercent(200)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	w := &worker{topic: os.Args[2], dsn: os.Args[3], events: events, failed: make(chan error, laneCount)}
	if err := w.run(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
