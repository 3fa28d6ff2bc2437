// A program with a defect, by which the tests prove that address sanitizer sees: `canary use` reads memory that was
// freed, `canary leak` loses some.
package main

/*
#include <stdlib.h>

static char *freed(void) {
	char *volatile memory = malloc(8);
	free(memory);
	return memory;
}

static char use(void) { return *(volatile char *)freed(); }

static char *volatile lost;

// Many, as what is left of one address in a register or on a stack looks like a use of it.
static void leak(void) {
	for (int i = 0; i < 100; i++) lost = malloc(12345);
	lost = NULL;
}
*/
import "C"

import "os"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "use" {
		C.use()
		return
	}
	C.leak()
}
