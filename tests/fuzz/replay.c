/*
 * replay.c - runs a fuzz target over files instead of under a fuzzer.
 *
 * usage: TARGET FILE|FOLDER ...
 * Each input is given to the target whole and, so that a short corpus goes
 * a long way, 200 times with a few bytes changed by a fixed generator: the
 * same inputs in each run.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static unsigned long inputs;
static unsigned long long state = 88172645463325252ULL;

static unsigned
next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 32);
}

/* An exact-size copy, so that a read past the end is seen by ASan. */
static void
try_input(const unsigned char *p, size_t n)
{
	unsigned char *copy = malloc(n ? n : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	inputs++;
}

static void
try_mutants(unsigned char *p, size_t n)
{
	static const unsigned char nasty[] = { 0, '\r', '\n', '.', '<', '>',
		'"', '\\', '{', '}', 0xff };

	for (int i = 0; i < 200 && n > 0; i++) {
		size_t at = next_random() % n, cut = n;
		unsigned char was = p[at];

		switch (next_random() % 4) {
		case 0: p[at] = (unsigned char)next_random(); break;
		case 1: p[at] ^= (unsigned char)(1u << next_random() % 8); break;
		case 2: cut = at; break;
		case 3: p[at] = nasty[next_random() % sizeof nasty]; break;
		}
		try_input(p, cut);
		if (next_random() % 3 != 0)
			p[at] = was;
	}
}

static void
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p = malloc(1 << 20);
	size_t n;

	if (f == NULL || p == NULL) {
		perror(path);
		exit(1);
	}
	n = fread(p, 1, 1 << 20, f);
	fclose(f);
	try_input(p, n);
	try_mutants(p, n);
	free(p);
}

static void
replay(const char *path)
{
	struct stat st;
	DIR *d;
	char sub[4096];

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	if ((d = opendir(path)) == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
		replay(sub);
	}
	closedir(d);
}

int
main(int argc, char **argv)
{
	try_input((const unsigned char *)"", 0);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%lu inputs\n", inputs);
	return 0;
}
