import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import io.confluent.parallelconsumer.PollContext;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A stock worker on Confluent's Parallel Consumer: ordered by key, batches of 500 to PostgreSQL
 * through pgjdbc's rewritten batches. Ids are inserted once, levels kept by version; both are
 * idempotent, so that what is read again after a crash changes nothing.
 *
 * <pre>StockWorker BROKERS TOPIC JDBC_URL EVENTS THREADS GROUP</pre>
 *
 * Prints {@code assigned} and, once EVENTS are committed, {@code done}; runs until SIGTERM.
 */
public final class StockWorker {
    private static final int BATCH = 500;
    private static final String INSERT_ID =
            "INSERT INTO ids (id, partition, record_offset, quantity, occurred_at)"
                    + " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    private static final String KEEP_NEWEST =
            "INSERT INTO levels AS l (sku, location, quantity, version, occurred_at)"
                    + " VALUES (?, ?, ?, ?, ?) ON CONFLICT (sku, location) DO UPDATE SET"
                    + " quantity = excluded.quantity, version = excluded.version,"
                    + " occurred_at = excluded.occurred_at WHERE l.version < excluded.version";

    private record Event(UUID key, int partition, long offset, String sku, String location,
                         long quantity, long version, OffsetDateTime occurredAt) {}

    private final String url;
    private final long wanted;
    private final AtomicLong committed = new AtomicLong();
    private final JsonFactory json = new JsonFactory();
    private final ThreadLocal<Database> databases = ThreadLocal.withInitial(this::connect);
    private final ThreadLocal<MessageDigest> digests = ThreadLocal.withInitial(StockWorker::sha256);

    private StockWorker(String url, long wanted) {
        this.url = url;
        this.wanted = wanted;
    }

    /** One thread's connection and statements. */
    private record Database(Connection connection, PreparedStatement ids, PreparedStatement levels) {}

    private Database connect() {
        try {
            Connection connection = DriverManager.getConnection(url);
            connection.setAutoCommit(false);
            return new Database(connection, connection.prepareStatement(INSERT_ID),
                    connection.prepareStatement(KEEP_NEWEST));
        } catch (SQLException fault) {
            throw new IllegalStateException(fault);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException fault) {
            throw new IllegalStateException(fault);
        }
    }

    private void handle(PollContext<byte[], byte[]> context) {
        List<Event> events = new ArrayList<>(BATCH);
        try {
            for (ConsumerRecord<byte[], byte[]> record : context.getConsumerRecordsFlattened()) {
                events.add(parse(record));
            }
            store(events);
        } catch (IOException | SQLException fault) {
            throw new IllegalStateException(fault); // the batch is tried again
        }
        long now = committed.addAndGet(events.size());
        if (now >= wanted && now - events.size() < wanted) {
            System.out.println("done");
        }
    }

    private void store(List<Event> events) throws SQLException {
        events.sort(Comparator.comparing(Event::key));
        Database database = databases.get();
        try {
            for (Event event : events) {
                bindId(database.ids(), event);
            }
            database.ids().executeBatch();
            for (Event event : events) {
                bindLevel(database.levels(), event);
            }
            database.levels().executeBatch();
            database.connection().commit();
        } catch (SQLException fault) {
            database.connection().rollback();
            throw fault;
        }
    }

    private static void bindId(PreparedStatement to, Event event) throws SQLException {
        to.setObject(1, event.key());
        to.setInt(2, event.partition());
        to.setLong(3, event.offset());
        to.setLong(4, event.quantity());
        to.setObject(5, event.occurredAt(), Types.TIMESTAMP_WITH_TIMEZONE);
        to.addBatch();
    }

    private static void bindLevel(PreparedStatement to, Event event) throws SQLException {
        to.setString(1, event.sku());
        to.setString(2, event.location());
        to.setLong(3, event.quantity());
        to.setLong(4, event.version());
        to.setObject(5, event.occurredAt(), Types.TIMESTAMP_WITH_TIMEZONE);
        to.addBatch();
    }

    private Event parse(ConsumerRecord<byte[], byte[]> record) throws IOException {
        String source = "";
        String id = "";
        String sku = "";
        String location = "";
        String occurredAt = "";
        long quantity = 0;
        long version = 0;
        try (JsonParser parser = json.createParser(record.value())) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "source" -> source = parser.getText();
                    case "id" -> id = parser.getText();
                    case "sku" -> sku = parser.getText();
                    case "location" -> location = parser.getText();
                    case "occurred_at" -> occurredAt = parser.getText();
                    case "quantity" -> quantity = parser.getLongValue();
                    case "version" -> version = parser.getLongValue();
                    default -> parser.skipChildren();
                }
            }
        }
        return new Event(key(source + '\0' + sku + '\0' + id), record.partition(), record.offset(),
                sku, location, quantity, version, OffsetDateTime.parse(occurredAt));
    }

    private UUID key(String identity) {
        byte[] hash = digests.get().digest(identity.getBytes(StandardCharsets.UTF_8));
        ByteBuffer bytes = ByteBuffer.wrap(hash);
        return new UUID(bytes.getLong(), bytes.getLong());
    }

    private static KafkaConsumer<byte[], byte[]> consumer(String brokers, String group) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        settings.put("group.id", group);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("max.poll.records", "5000");
        settings.put("max.partition.fetch.bytes", "4194304");
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static final class Announce implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            System.out.println("assigned");
        }
    }

    public static void main(String[] arguments) throws SQLException {
        if (arguments.length != 6) {
            System.err.println("usage: StockWorker BROKERS TOPIC JDBC_URL EVENTS THREADS GROUP");
            System.exit(64);
        }
        StockWorker worker = new StockWorker(arguments[2], Long.parseLong(arguments[3]));
        worker.connect().connection().close(); // loads the driver before the first record comes
        ParallelStreamProcessor<byte[], byte[]> processor =
                ParallelStreamProcessor.createEosStreamProcessor(
                        ParallelConsumerOptions.<byte[], byte[]>builder()
                                .ordering(ProcessingOrder.KEY)
                                .commitMode(CommitMode.PERIODIC_CONSUMER_ASYNCHRONOUS)
                                .maxConcurrency(Integer.parseInt(arguments[4]))
                                .batchSize(BATCH)
                                .consumer(consumer(arguments[0], arguments[5]))
                                .build());
        processor.subscribe(List.of(arguments[1]), new Announce());
        processor.poll(worker::handle);
        Runtime.getRuntime().addShutdownHook(new Thread(processor::closeDontDrainFirst));
    }
}
