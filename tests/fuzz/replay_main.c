/*
 * Feeds every file of the directories (or files) named to a fuzz target, once each, so that
 * a corpus is a regression test of any compiler's build. Prints how many inputs ran; exits 1
 * where a path cannot be read or where there was nothing to feed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_BYTES_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    uint8_t *bytes = malloc(INPUT_BYTES_MAX);
    if (bytes == NULL) {
        fclose(file);
        return -1;
    }
    size_t length = fread(bytes, 1, INPUT_BYTES_MAX, file);
    /* An allocation of the exact size, so that a read past the end is seen. */
    uint8_t *exact = realloc(bytes, length > 0 ? length : 1);
    bytes = exact != NULL ? exact : bytes;
    (void)LLVMFuzzerTestOneInput(bytes, length);
    free(bytes);
    fclose(file);
    return 1;
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
        if (feed_file(name) > 0)
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
