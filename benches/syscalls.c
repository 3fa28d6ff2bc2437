/* Counts system calls with strace: this program again, sidelite's side of one workload alone, in two lengths. What
 * both have in common (start, opening, table, end) falls out of the difference. */
#include "bench.h"

enum { SHORT = 2000, LONG = 12000 };

static long calls_of_run(const char *program, workload w, uint32_t count) {
  char command[4096], line[256];
  long calls = -1, n;
  FILE *summary;
  snprintf(command, sizeof command, "strace -f -c -U calls,name '%s' --alone %d %" PRIu32 " 2>&1", program, (int)w,
           count);
  summary = popen(command, "r");
  if (!summary) return -1;
  while (fgets(line, sizeof line, summary))
    if (sscanf(line, "%ld total", &n) == 1 && strstr(line, "total")) calls = n;
  return pclose(summary) ? -1 : calls;
}

double syscalls_per_operation(const char *program, workload w) {
  long few = calls_of_run(program, w, SHORT), many = calls_of_run(program, w, LONG);
  return few < 0 || many < 0 ? -1 : (double)(many - few) / (LONG - SHORT);
}
