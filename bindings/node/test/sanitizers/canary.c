/* Reads memory that was freed: an addon that a sanitizer must catch, when the tests are to be believed. */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>

/* Volatile, so that the compiler does not see what becomes of it. */
static char *volatile memory;

static napi_value read_freed(napi_env env, napi_callback_info info) {
  napi_value value;
  (void)info;
  memory = (char *)calloc(64, 1);
  free(memory);
  napi_create_int32(env, memory[5], &value);
  return value;
}

NAPI_MODULE_INIT() {
  napi_create_function(env, "readFreed", NAPI_AUTO_LENGTH, read_freed, NULL, &exports);
  return exports;
}
