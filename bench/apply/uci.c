/* A stand-in for OpenWrt's uci that is about as quick as the real one: 1,000 devices share one core here, and what
 * they use must not decide how fast a client is. Only what the bench's work needs, of the semantics measured on
 * the real one: [-c FOLDER] [-t FOLDER] export [PACKAGE], set, batch (set, delete, add_list), changes, commit
 * PACKAGE. simulator/bin/uci knows the rest. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 512
#define LONGEST 1024

struct option { char *name, *value; int list; };
struct section { char *type, *name; struct option options[64]; int count; };
static struct section sections[MOST];
static int count;
static const char *conf = "/etc/config/", *save = "/tmp/.uci/";

static int fail(const char *text) { fprintf(stderr, "uci: %s\n", text); return 1; }

static char *copy(const char *text) {
    char *made = strdup(text);
    if (!made) exit(1);
    return made;
}

/* The next word of a line, quotes taken away; NULL at its end. */
static char *word(char **line) {
    char *from = *line, *to, *begin, quote = 0;
    from += strspn(from, " \t\n");
    if (!*from) return NULL;
    begin = to = from;
    for (; *from && (quote || !strchr(" \t\n", *from)); from++) {
        if (quote ? *from == quote : (*from == '\'' || *from == '"')) quote = quote ? 0 : *from;
        else *to++ = *from;
    }
    *line = *from ? from + 1 : from;
    *to = 0;
    return begin;
}

/* By its name, or as @TYPE[NUMBER]. */
static struct section *find(const char *name) {
    size_t size = strcspn(name, "[");
    int number = *name == '@' && name[size] ? atoi(name + size + 1) : -1;
    for (int i = 0; i < count && number >= 0; i++)
        if (sections[i].type && strlen(sections[i].type) == size - 1 && !strncmp(sections[i].type, name + 1, size - 1)
            && !number--) return &sections[i];
    for (int i = 0; i < count; i++)
        if (sections[i].type && sections[i].name && !strcmp(sections[i].name, name)) return &sections[i];
    return NULL;
}

static int add_section(const char *type, const char *name) {
    struct section *old = name ? find(name) : NULL;
    if (old) { old->type = copy(type); return 0; }
    if (count == MOST) return fail("Out of memory");
    sections[count].type = copy(type);
    sections[count++].name = name ? copy(name) : NULL;
    return 0;
}

static int put(struct section *section, const char *name, const char *value, int list) {
    for (int i = 0; i < section->count && !list; i++)
        if (!strcmp(section->options[i].name, name)) { section->options[i].value = copy(value); return 0; }
    if (section->count == 64) return fail("Out of memory");
    section->options[section->count++] = (struct option){copy(name), copy(value), list};
    return 0;
}

static void drop(struct section *section, const char *name) {
    int left = 0;
    for (int i = 0; i < section->count; i++)
        if (strcmp(section->options[i].name, name)) section->options[left++] = section->options[i];
    section->count = left;
}

/* [-|]PACKAGE.SECTION[.OPTION][=VALUE], as it is recorded: - deletes, | adds to a list; applied to what is loaded, if it is of this package. */
static int apply(const char *package, const char *text) {
    char path[LONGEST], *value, *section, *option, mark = strchr("-|", *text) ? *text++ : 0;
    struct section *found;
    if (snprintf(path, sizeof path, "%s", text) >= (int)sizeof path) return fail("Invalid argument");
    if (!(value = strchr(path, '=')) && mark != '-') return fail("Invalid argument");
    if (value) *value++ = 0;
    if (!(section = strchr(path, '.'))) return fail("Invalid argument");
    *section++ = 0;
    if (strcmp(path, package)) return 0;
    if ((option = strchr(section, '.'))) *option++ = 0;
    else if (!mark) return add_section(value, section);
    if (!(found = find(section))) return fail(mark == '-' ? "Entry not found" : "Invalid argument");
    if (mark == '-' && option) drop(found, option);
    else if (mark == '-') found->type = NULL;
    else return option ? put(found, option, value, mark == '|') : fail("Invalid argument");
    return 0;
}

static int load(const char *package) {
    char name[LONGEST], line[LONGEST], *rest, *first, *second, *third;
    FILE *file;
    count = 0;
    memset(sections, 0, sizeof sections);
    snprintf(name, sizeof name, "%s/%s", conf, package);
    if (!(file = fopen(name, "r"))) return fail("Entry not found");
    while (fgets(line, sizeof line, file)) {
        rest = line;
        if (!(first = word(&rest)) || *first == '#' || !strcmp(first, "package")) continue;
        second = word(&rest);
        third = word(&rest);
        if (!strcmp(first, "config") && second) add_section(second, third);
        else if (second && third && count) put(&sections[count - 1], second, third, !strcmp(first, "list"));
        else { fclose(file); return fail("Parse error"); }
    }
    fclose(file);
    snprintf(name, sizeof name, "%s/%s", save, package);
    if (!(file = fopen(name, "r"))) return 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        apply(package, line);
    }
    fclose(file);
    return 0;
}

static void quoted(FILE *out, const char *text) {
    putc('\'', out);
    for (; *text; text++)
        if (*text == '\'') fputs("'\\''", out);
        else putc(*text, out);
    putc('\'', out);
}

static void print(FILE *out) {
    for (int i = 0; i < count; i++) {
        if (!sections[i].type) continue;
        fprintf(out, "\nconfig %s", sections[i].type);
        if (sections[i].name) { putc(' ', out); quoted(out, sections[i].name); }
        for (int j = 0; j < sections[i].count; j++) {
            fprintf(out, "\n\t%s %s ", sections[i].options[j].list ? "list" : "option", sections[i].options[j].name);
            quoted(out, sections[i].options[j].value);
        }
        putc('\n', out);
    }
    putc('\n', out);
}

static int export(const char *package) {
    if (load(package)) return 1;
    printf("package %s\n", package);
    print(stdout);
    return 0;
}

static int export_all(void) {
    struct dirent **found;
    int size = scandir(conf, &found, NULL, alphasort), bad = 0;
    for (int i = 0; i < size; i++)
        if (found[i]->d_name[0] != '.') bad |= export(found[i]->d_name);
    return bad;
}

/* Checked against the package as it is now, then recorded. */
static int set(const char *mark, const char *path, char *loaded) {
    char name[LONGEST], package[64], text[LONGEST];
    FILE *file;
    snprintf(text, sizeof text, "%s%s", mark, path);
    snprintf(package, sizeof package, "%.*s", (int)strcspn(path, "."), path);
    if (strcmp(package, loaded) && load(package)) return 1;
    strcpy(loaded, package);
    if (apply(package, text)) return 1;
    mkdir(save, 0700);
    snprintf(name, sizeof name, "%s/%s", save, package);
    if (!(file = fopen(name, "a"))) return fail("I/O error");
    fprintf(file, "%s\n", text);
    return fclose(file) ? fail("I/O error") : 0;
}

/* Exits 0 although lines fail, as the real one does. */
static int batch(void) {
    char line[LONGEST], loaded[64] = "", *rest, *first, *second;
    while (fgets(line, sizeof line, stdin)) {
        rest = line;
        if (!(first = word(&rest))) continue;
        second = word(&rest);
        if (second && !strcmp(first, "set")) set("", second, loaded);
        else if (second && !strcmp(first, "delete")) set("-", second, loaded);
        else if (second && !strcmp(first, "add_list")) set("|", second, loaded);
        else fail("Unknown command");
    }
    return 0;
}

static int changes(void) {
    char name[LONGEST], line[LONGEST];
    struct dirent **found;
    int size = scandir(save, &found, NULL, alphasort);
    for (int i = 0; i < size; i++) {
        FILE *file;
        snprintf(name, sizeof name, "%s/%s", save, found[i]->d_name);
        if (found[i]->d_name[0] == '.' || !(file = fopen(name, "r"))) continue;
        while (fgets(line, sizeof line, file)) fputs(line + (*line == '|'), stdout);
        fclose(file);
    }
    return 0;
}

static int commit(const char *package) {
    char name[LONGEST], made[LONGEST], staged[LONGEST];
    FILE *file;
    if (load(package)) return 1;
    snprintf(name, sizeof name, "%s/%s", conf, package);
    snprintf(made, sizeof made, "%s/.%s.uci-new", conf, package);
    snprintf(staged, sizeof staged, "%s/%s", save, package);
    if (access(staged, F_OK)) return 0;
    if (!(file = fopen(made, "w"))) return fail("I/O error");
    print(file);
    if (fclose(file) || rename(made, name)) return fail("I/O error");
    unlink(staged);
    return 0;
}

int main(int size, char **words) {
    char loaded[64] = "";
    for (int option; (option = getopt(size, words, "+c:t:")) != -1;)
        if (option == 'c') conf = optarg;
        else if (option == 't') save = optarg;
        else return 255;
    const char *verb = optind < size ? words[optind] : "", *given = optind + 1 < size ? words[optind + 1] : NULL;
    if (!strcmp(verb, "export")) return given ? export(given) : export_all();
    if (!strcmp(verb, "set") && given) return set("", given, loaded);
    if (!strcmp(verb, "batch")) return batch();
    if (!strcmp(verb, "changes")) return changes();
    if (!strcmp(verb, "commit") && given) return commit(given);
    fprintf(stderr, "Unknown command\n");
    return 255;
}
