/*
 * Feeds every file of the directories (or files) named to a fuzz target, once each, so
 * that a corpus is a regression test of any compiler's build. Prints how many inputs ran;
 * exits 1 where a path cannot be read or where there was nothing to feed.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_BYTES_MAX (4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The allocation has the input's exact size, so that a sanitizer sees a read past its
 * end. */
static int feed_stream(FILE *file, size_t length)
{
    uint8_t *bytes = malloc(length > 0 ? length : 1);
    if (bytes == NULL)
        return -1;
    bool whole = fread(bytes, 1, length, file) == length;
    if (whole)
        (void)LLVMFuzzerTestOneInput(bytes, length);
    free(bytes);
    return whole ? 1 : -1;
}

static int feed_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    struct stat about;
    int fed = -1;
    if (fstat(fileno(file), &about) == 0 && about.st_size <= INPUT_BYTES_MAX)
        fed = feed_stream(file, (size_t)about.st_size);
    fclose(file);
    return fed;
}

static int feed_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return -1;
    int fed = 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[4096];
        struct stat about;
        int length = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(name))
            continue;
        if (stat(name, &about) != 0 || !S_ISREG(about.st_mode))
            continue;
        if (feed_file(name) < 0) {
            fed = -1;
            break;
        }
        fed++;
    }
    closedir(directory);
    return fed;
}

int main(int argc, char **argv)
{
    int inputs = 0;
    for (int i = 1; i < argc; i++) {
        struct stat about;
        int fed = -1;
        if (stat(argv[i], &about) == 0)
            fed = S_ISDIR(about.st_mode) ? feed_directory(argv[i]) : feed_file(argv[i]);
        if (fed < 0) {
            fprintf(stderr, "%s: cannot read %s\n", argv[0], argv[i]);
            return 1;
        }
        inputs += fed;
    }
    printf("%d inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
