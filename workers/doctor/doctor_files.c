#include "workers/doctor/doctor.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "PARSTOCK_"
#define SUFFIX "_FILE"
#define FILES_MAX 64

/* "PARSTOCK_X_FILE=path": the length of the name; 0 where the entry is no such variable. */
static size_t file_variable(const char *entry)
{
    size_t length = strcspn(entry, "=");
    bool ours = strncmp(entry, PREFIX, sizeof(PREFIX) - 1) == 0;
    bool names_file =
        length > sizeof(SUFFIX) - 1 &&
        strncmp(entry + length - (sizeof(SUFFIX) - 1), SUFFIX, sizeof(SUFFIX) - 1) == 0;
    return ours && names_file && entry[length] == '=' && entry[length + 1] != '\0'
               ? length
               : 0;
}

static void check_file(struct doctor *doctor, struct span variable, const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        doctor_say(doctor, "secrets", VERDICT_FAIL, "%.*s names %.200s: %s",
                   SPAN_ARGS(variable), path, strerror(errno));
    } else if ((about.st_mode & S_IROTH) != 0) {
        doctor_say(doctor, "secrets", VERDICT_FAIL, "%.*s: everybody can read %.200s",
                   SPAN_ARGS(variable), path)
            ->remedy =
            "chmod o-r, or in Kubernetes defaultMode: 0440 of the secret's volume";
    } else {
        doctor_say(doctor, "secrets", VERDICT_OK, "%.*s: %.200s is kept from others",
                   SPAN_ARGS(variable), path);
    }
}

void doctor_check_files(struct doctor *doctor)
{
    size_t count = 0;
    for (char **entry = environ; *entry != NULL && count < FILES_MAX; entry++) {
        size_t length = file_variable(*entry);
        if (length == 0)
            continue;
        count++;
        check_file(doctor, (struct span){.bytes = *entry, .length = length},
                   *entry + length + 1);
    }
}
