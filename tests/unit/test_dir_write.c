/* A folder that appears whole or not at all, and one that is read with care. */
#include "common/base/check.h"
#include "common/base/scope.h"
#include "common/io/dir_read.h"
#include "common/io/dir_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char scratch[PATH_MAX];

static int make_scratch(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(scratch, sizeof scratch, "%s/dir-XXXXXX",
                   base != NULL ? base : "/tmp");
    return mkdtemp(scratch) != NULL ? 0 : -1;
}

static void path_in(char *room, size_t size, const char *name)
{
    assert_true(snprintf(room, size, "%.1000s/%s", scratch, name) < (int)size);
}

/* Entries of the scratch folder. */
static size_t count_entries(void)
{
    size_t count = 0;
    DIR *stream = opendir(scratch);
    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    (void)closedir(stream);
    return count - 2;
}

static void write_one(struct dir_write *dir, const char *name, const char *text)
{
    struct error error = {0};
    struct dir_file *file = dir_write_file(dir, name);
    assert_non_null(file);
    const struct sink sink = dir_file_sink(file);
    sink_take(&sink, span_from(text));
    assert_int_equal(dir_file_close(dir, file, &error), STATUS_OK);
}

static struct dir_write *begun(const char *path)
{
    struct dir_write *dir = NULL;
    struct error error = {0};
    assert_int_equal(dir_write_open(path, &dir, &error), STATUS_OK);
    return dir;
}

static void commit(const char *path, const char *name, const char *text)
{
    SCOPED(dir_write_close) struct dir_write *dir = begun(path);
    struct error error = {0};
    write_one(dir, "mark", "m");
    write_one(dir, name, text);
    assert_int_equal(dir_write_commit(dir, true, "mark", &error), STATUS_OK);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"a", "a.json", "a-b/c-1.csv", "0"};
    static const char *const BAD[] = {
        "",    ".",  "..",   "/a",  "a/",   "a//b",   "a/b/c", "A",
        "a b", ".a", "a/.b", "a\n", "../a", "a/../b", "a\\b",  "\xc3\xa4"};
    for (size_t at = 0; at < COUNT_OF(GOOD); at++)
        assert_true(dir_name_is_good(span_from(GOOD[at])));
    for (size_t at = 0; at < COUNT_OF(BAD); at++)
        assert_false(dir_name_is_good(span_from(BAD[at])));
}

static void test_size_and_digest(void **state)
{
    (void)state;
    char path[PATH_MAX];
    path_in(path, sizeof path, "digest");
    SCOPED(dir_write_close) struct dir_write *dir = begun(path);
    const struct dir_entry *entries;
    struct dir_entry read;
    write_one(dir, "in/a.txt", "abc");
    assert_int_equal(dir_write_entries(dir, &entries), 1);
    assert_string_equal(entries[0].name, "in/a.txt");
    assert_int_equal(entries[0].bytes, 3);
    assert_string_equal(entries[0].sha256, ABC);
    const struct dir_read folder = {dir_write_folder(dir)};
    assert_int_equal(dir_read_entry(&folder, "in/a.txt", &read), 0);
    assert_int_equal(read.bytes, 3);
    assert_string_equal(read.sha256, ABC);
}

static void test_what_is_not_committed_is_not_there(void **state)
{
    (void)state;
    char path[PATH_MAX];
    size_t before = count_entries();
    path_in(path, sizeof path, "gone");
    {
        SCOPED(dir_write_close) struct dir_write *dir = begun(path);
        write_one(dir, "a", "abc");
        write_one(dir, "in/b", "abc");
        assert_int_equal(count_entries(), before + 1);
    }
    assert_int_equal(count_entries(), before);
}

static void test_what_is_there_stays_unless_it_bears_the_mark(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char file[PATH_MAX];
    struct stat found;
    struct error error = {0};
    path_in(path, sizeof path, "kept");
    path_in(file, sizeof file, "kept/old");
    commit(path, "old", "1");
    {
        SCOPED(dir_write_close) struct dir_write *dir = begun(path);
        write_one(dir, "mark", "m");
        assert_int_equal(dir_write_commit(dir, false, "mark", &error), STATUS_REJECT);
        assert_int_equal(error.exit_code, EXIT_NOT_ALLOWED);
        assert_int_equal(dir_write_commit(dir, true, "other", &error), STATUS_REJECT);
    }
    assert_int_equal(stat(file, &found), 0);
    size_t before = count_entries();
    commit(path, "new", "2");
    assert_int_not_equal(stat(file, &found), 0);
    assert_int_equal(count_entries(), before);
}

static void test_links_and_folders_are_no_files(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char link[PATH_MAX];
    path_in(path, sizeof path, "links");
    commit(path, "in/a", "abc");
    path_in(link, sizeof link, "links/link");
    assert_int_equal(symlink("in/a", link), 0);
    path_in(link, sizeof link, "links/away");
    assert_int_equal(symlink("in", link), 0);
    path_in(link, sizeof link, "links/pipe");
    assert_int_equal(mkfifo(link, 0600), 0);
    struct dir_read folder = {-1};
    struct error error = {0};
    assert_int_equal(dir_read_open(path, &folder, &error), STATUS_OK);
    static const char *const NONE[] = {"link", "away/a",        "in",
                                       "pipe", "../links/mark", ""};
    for (size_t at = 0; at < COUNT_OF(NONE); at++)
        assert_int_equal(dir_read_file(&folder, NONE[at], NULL), -1);
    int file = dir_read_file(&folder, "in/a", NULL);
    assert_true(file >= 0);
    (void)close(file);
    struct dir_names names;
    assert_int_equal(dir_read_names(&folder, &names, &error), STATUS_OK);
    assert_int_equal(names.count, 5); /* mark, in/a, and the three that are none */
    dir_read_close(&folder);
}

/* ---- lines -------------------------------------------------------------------------------- */

struct seen {
    size_t count;
    size_t bytes;
};

static enum status see(void *self, struct span line, struct error *error)
{
    struct seen *seen = self;
    (void)error;
    seen->count++;
    seen->bytes += line.length;
    return STATUS_OK;
}

static void test_lines(void **state)
{
    (void)state;
    char path[PATH_MAX];
    static char text[100000];
    path_in(path, sizeof path, "lines");
    memset(text, 'x', sizeof text - 1);
    text[10] = '\n';
    text[11] = '\n';
    text[60000] = '\n';
    commit(path, "log", text);
    struct dir_read folder = {-1};
    struct error error = {0};
    struct seen seen = {0};
    const struct dir_line_visitor visitor = {see, &seen};
    assert_int_equal(dir_read_open(path, &folder, &error), STATUS_OK);
    assert_int_equal(dir_read_lines(&folder, "log", 70000, &visitor, &error), STATUS_OK);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.bytes, sizeof text - 1 - 3);
    assert_int_equal(dir_read_lines(&folder, "log", 50000, &visitor, &error),
                     STATUS_REJECT);
    dir_read_close(&folder);
}

static int remove_scratch(void **state)
{
    char path[PATH_MAX];
    struct dir_write *dir = NULL;
    struct error error = {0};
    static const char *const FOLDERS[] = {"kept", "links", "lines"};
    (void)state;
    /* The module's own way of removing a folder: replaced, then not there. */
    for (size_t at = 0; at < COUNT_OF(FOLDERS); at++) {
        path_in(path, sizeof path, FOLDERS[at]);
        if (dir_write_open(path, &dir, &error) != STATUS_OK)
            return -1;
        (void)dir_write_commit(dir, true, "mark", &error);
        dir_write_close(&dir);
        (void)rmdir(path);
    }
    return rmdir(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_size_and_digest),
        cmocka_unit_test(test_what_is_not_committed_is_not_there),
        cmocka_unit_test(test_what_is_there_stays_unless_it_bears_the_mark),
        cmocka_unit_test(test_links_and_folders_are_no_files),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
