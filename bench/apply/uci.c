/* A stand-in for OpenWrt's uci that is about as quick as the real one: 200 devices share one core here, and what
 * they use must not decide how fast a client is. Only what the bench's work needs, of the semantics measured on
 * the real one: export [PACKAGE], set, batch (of set lines), commit PACKAGE. simulator/bin/uci knows the rest. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF "/etc/config/"
#define SAVE "/tmp/.uci/"
#define MOST 512
#define LONGEST 1024

struct option { char *name, *value; int list; };
struct section { char *type, *name; struct option options[64]; int count; };
static struct section sections[MOST];
static int count;

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

static struct section *find(const char *name) {
    for (int i = 0; i < count; i++)
        if (sections[i].name && !strcmp(sections[i].name, name)) return &sections[i];
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

/* PACKAGE.SECTION[.OPTION]=VALUE applied to what is loaded, if it is of this package. */
static int apply(const char *package, const char *text) {
    char path[LONGEST], *value, *section, *option;
    struct section *found;
    if (snprintf(path, sizeof path, "%s", text) >= (int)sizeof path) return fail("Invalid argument");
    if (!(value = strchr(path, '='))) return fail("Invalid argument");
    *value++ = 0;
    if (!(section = strchr(path, '.'))) return fail("Invalid argument");
    *section++ = 0;
    if (strcmp(path, package)) return 0;
    if (!(option = strchr(section, '.'))) return add_section(value, section);
    *option++ = 0;
    if (!(found = find(section))) return fail("Invalid argument");
    return put(found, option, value, 0);
}

static int load(const char *package) {
    char name[LONGEST], line[LONGEST], *rest, *first, *second, *third;
    FILE *file;
    count = 0;
    memset(sections, 0, sizeof sections);
    snprintf(name, sizeof name, CONF "%s", package);
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
    snprintf(name, sizeof name, SAVE "%s", package);
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
    int size = scandir(CONF, &found, NULL, alphasort), bad = 0;
    for (int i = 0; i < size; i++)
        if (found[i]->d_name[0] != '.') bad |= export(found[i]->d_name);
    return bad;
}

/* Checked against the package as it is now, then recorded. */
static int set(const char *text, char *loaded) {
    char name[LONGEST], package[64];
    FILE *file;
    snprintf(package, sizeof package, "%.*s", (int)strcspn(text, "."), text);
    if (strcmp(package, loaded) && load(package)) return 1;
    strcpy(loaded, package);
    if (apply(package, text)) return 1;
    mkdir(SAVE, 0700);
    snprintf(name, sizeof name, SAVE "%s", package);
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
        if (strcmp(first, "set") || !second) fail("Unknown command");
        else set(second, loaded);
    }
    return 0;
}

static int commit(const char *package) {
    char name[LONGEST], made[LONGEST], staged[LONGEST];
    FILE *file;
    if (load(package)) return 1;
    snprintf(name, sizeof name, CONF "%s", package);
    snprintf(made, sizeof made, CONF ".%s.uci-new", package);
    snprintf(staged, sizeof staged, SAVE "%s", package);
    if (!(file = fopen(made, "w"))) return fail("I/O error");
    print(file);
    if (fclose(file) || rename(made, name)) return fail("I/O error");
    unlink(staged);
    return 0;
}

int main(int size, char **words) {
    char loaded[64] = "";
    const char *verb = size > 1 ? words[1] : "";
    if (!strcmp(verb, "export")) return size > 2 ? export(words[2]) : export_all();
    if (!strcmp(verb, "set") && size > 2) return set(words[2], loaded);
    if (!strcmp(verb, "batch")) return batch();
    if (!strcmp(verb, "commit") && size > 2) return commit(words[2]);
    fprintf(stderr, "Unknown command\n");
    return 255;
}
