/* Contract 15: text in has any length, keeps its NULs, and is UTF-8 unless ANY_TEXT is said; text out is bytes and
 * a length, whatever the file holds. */
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4200];

static void begin_file(uint32_t flags) {
  sidelite_open_config config = open_config_new(flags);
  queue = queue_new();
  conn = conn_open(queue, path, &config);
}

static void begin(uint32_t flags) {
  strcpy(path, ":memory:");
  begin_file(flags);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* A file made by another program: text that sidelite would not have let in. */
static void scratch_file(const char *sql) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "hostile.db");
  ask_expecting(path, sql, "");
}

/* `SELECT sql` with one parameter; the reply is the caller's to clear. */
static void fetch_with(const char *sql, sidelite_value value, reply *r) {
  *r = reply_new();
  CHECK(sidelite_fetch(conn, sql, &value, 1, on_reply, r) > 0);
  EXPECT(queue, r, SIDELITE_OK);
}

static void check_bytes(const reply *r, uint32_t row, uint32_t column, const char *bytes, size_t n) {
  CHECK_EQ(sidelite_row_len(r->result, row, column), n);
  CHECK(!memcmp(sidelite_row_blob(r->result, row, column), bytes, n));
}

static void check_text(const reply *r, uint32_t row, uint32_t column, const char *bytes, size_t n) {
  CHECK_EQ(sidelite_row_type(r->result, row, column), SIDELITE_TEXT);
  check_bytes(r, row, column, bytes, n);
  CHECK_EQ(sidelite_row_text(r->result, row, column)[n], 0);
}

static void contract_15_text_keeps_its_nuls(void) {
  const char text[] = "\0a\0\0b\0";
  reply r;
  begin(0);
  fetch_with("SELECT ?1, length(CAST(?1 AS BLOB)), typeof(?1)", sidelite_text_n(text, 6), &r);
  check_text(&r, 0, 0, text, 6);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), 6);
  check_text(&r, 0, 2, "text", 4);
  reply_clear(&r);
  end();
}

static void contract_15_text_of_any_length(void) {
  const uint32_t lengths[] = {0, 1, 7, 4095, 65536, 20000000};
  char *text = (char *)malloc(lengths[COUNT_OF(lengths) - 1]);
  reply r;
  CHECK(text != NULL);
  for (uint32_t i = 0; i < lengths[COUNT_OF(lengths) - 1]; i++) text[i] = (char)('a' + i % 26);
  begin(0);
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    fetch_with("SELECT ?", sidelite_text_n(text, lengths[i]), &r);
    check_text(&r, 0, 0, text, lengths[i]);
    reply_clear(&r);
  }
  free(text);
  end();
}

typedef struct bytes {
  const char *data;
  uint32_t n;
} bytes;

#define BYTES(literal) {literal, sizeof literal - 1}

/* Each one wrong in a way of its own. */
static const bytes not_utf8[] = {
    BYTES("\xff"),                 /* no byte of UTF-8 */
    BYTES("\x80"),                 /* a continuation without a start */
    BYTES("a\xe2\x82"),            /* cut short */
    BYTES("a\xe2\x82z"),           /* broken off */
    BYTES("\xc0\x80"),             /* NUL, too long */
    BYTES("\xe0\x80\xaf"),         /* slash, too long */
    BYTES("\xed\xa0\x80"),         /* half of a surrogate pair */
    BYTES("\xf4\x90\x80\x80"),     /* beyond U+10FFFF */
    BYTES("\xf8\x88\x80\x80\x80"), /* five bytes */
};

static const bytes utf8[] = {
    BYTES(""),
    BYTES("\x7f"),
    BYTES("\xc3\xa4"),
    BYTES("\xe2\x82\xac"),
    BYTES("\xef\xbb\xbf"),             /* a byte order mark */
    BYTES("\xed\x9f\xbf\xee\x80\x80"), /* on both sides of the surrogates */
    BYTES("\xef\xbf\xbf"),
    BYTES("\xf4\x8f\xbf\xbf"),
};

static void contract_15_text_that_is_not_utf8_is_refused(void) {
  reply r = reply_new();
  begin(0);
  for (size_t i = 0; i < COUNT_OF(not_utf8); i++) {
    sidelite_value rows[] = {sidelite_text("fine"), sidelite_text_n(not_utf8[i].data, not_utf8[i].n)};
    sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT ?", &r);
    char sql[32];
    const char *name[1];
    CHECK_EQ(sidelite_fetch(conn, "SELECT ?, ?", rows, 2, on_reply, &r), SIDELITE_ERR_BAD_TEXT);
    request.values = rows;
    request.ncols = 1;
    request.nrows = 2;
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_TEXT);
    snprintf(sql, sizeof sql, "SELECT '%s'", not_utf8[i].data);
    CHECK_EQ(sidelite_fetch(conn, sql, NULL, 0, on_reply, &r), SIDELITE_ERR_BAD_TEXT);
    CHECK_EQ(sidelite_script(conn, sql, on_reply, &r), SIDELITE_ERR_BAD_TEXT);
    request.nrows = 1;
    request.names = name;
    name[0] = not_utf8[i].data;
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_TEXT);
  }
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(r.events, 0);
  end();
}

static void contract_15_text_that_is_utf8_and_any_blob_come_back(void) {
  reply r;
  begin(0);
  for (size_t i = 0; i < COUNT_OF(utf8); i++) {
    fetch_with("SELECT ?", sidelite_text_n(utf8[i].data, utf8[i].n), &r);
    check_text(&r, 0, 0, utf8[i].data, utf8[i].n);
    reply_clear(&r);
  }
  for (size_t i = 0; i < COUNT_OF(not_utf8); i++) {
    fetch_with("SELECT ?", sidelite_blob(not_utf8[i].data, not_utf8[i].n), &r);
    CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_BLOB);
    check_bytes(&r, 0, 0, not_utf8[i].data, not_utf8[i].n);
    reply_clear(&r);
  }
  end();
}

static void contract_15_any_text_binds_what_it_is_given(void) {
  reply r;
  begin(SIDELITE_OPEN_ANY_TEXT);
  for (size_t i = 0; i < COUNT_OF(not_utf8); i++) {
    fetch_with("SELECT ?1, typeof(?1)", sidelite_text_n(not_utf8[i].data, not_utf8[i].n), &r);
    check_text(&r, 0, 0, not_utf8[i].data, not_utf8[i].n);
    check_text(&r, 0, 1, "text", 4);
    reply_clear(&r);
  }
  r = reply_new();
  CHECK_EQ(sidelite_fetch(conn, "SELECT '\xff'", NULL, 0, on_reply, &r), SIDELITE_ERR_BAD_TEXT);
  CHECK_EQ(r.events, 0);
  end();
}

static void contract_15_nul_inside_sql_is_refused(void) {
  const bytes texts[] = {BYTES("SELECT 1\0"), BYTES("\0SELECT 1"), BYTES("SELECT 1;\0 SELECT 2"),
                         BYTES("SELECT '\0'")};
  const uint32_t kinds[] = {SIDELITE_EXECUTE, SIDELITE_FETCH, SIDELITE_STREAM, SIDELITE_SCRIPT};
  reply r = reply_new();
  begin(SIDELITE_OPEN_ANY_TEXT);
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
      sidelite_request request = request_new(kinds[k], texts[i].data, &r);
      request.sql_len = texts[i].n;
      CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_TEXT);
    }
  CHECK_EQ(r.events, 0);
  end();
}

/* Its bytes come out as they are: in cells, in names of columns, and in messages of errors. */
static void contract_15_hostile_file_with_text_that_is_not_utf8(void) {
  reply r;
  scratch_file("CREATE TABLE bad(col_\xfe UNIQUE); INSERT INTO bad VALUES (CAST(x'61ff00fe' AS TEXT));"
               "CREATE VIEW view_\xff AS SELECT 1");
  begin_file(0);
  CHECK_EQ(fetch(queue, conn, "SELECT * FROM bad", &r), SIDELITE_OK);
  check_text(&r, 0, 0, "a\xff\0\xfe", 4);
  CHECK(!strcmp(sidelite_column_name(r.result, 0), "col_\xfe"));
  reply_clear(&r);
  CHECK_EQ(fetch(queue, conn, "SELECT name FROM sqlite_schema WHERE type = 'view'", &r), SIDELITE_OK);
  check_text(&r, 0, 0, "view_\xff", 6);
  reply_clear(&r);
  CHECK_EQ(fetch(queue, conn, "INSERT INTO bad SELECT * FROM bad", &r), SQLITE_CONSTRAINT_UNIQUE);
  CHECK(!strcmp((const char *)r.result + r.result->message, "UNIQUE constraint failed: bad.col_\xfe"));
  reply_clear(&r);
  end();
  scratch_remove(directory);
}

static void contract_15_utf16_file(void) {
  const char *encodings[] = {"UTF-16le", "UTF-16be"};
  const char *text = "\xc5\xbelu\xc5\xa5 \xf0\x9f\x90\x8e";
  for (size_t i = 0; i < COUNT_OF(encodings); i++) {
    char sql[256];
    reply r;
    snprintf(sql, sizeof sql, "PRAGMA encoding='%s'; CREATE TABLE t(x); INSERT INTO t VALUES ('%s')", encodings[i],
             text);
    scratch_file(sql);
    begin_file(0);
    fetch_with("SELECT x, x = ? FROM t", sidelite_text(text), &r);
    check_text(&r, 0, 0, text, strlen(text));
    CHECK_EQ(sidelite_row_int64(r.result, 0, 1), 1);
    reply_clear(&r);
    fetch_with("INSERT INTO t VALUES (? || '!') RETURNING x", sidelite_text(text), &r);
    CHECK_EQ(sidelite_row_len(r.result, 0, 0), strlen(text) + 1);
    reply_clear(&r);
    /* Half of a surrogate pair has no UTF-8: what comes is SQLite's answer to that, and no crash. */
    CHECK_EQ(fetch(queue, conn, "SELECT CAST(x'00d8' AS TEXT), CAST(x'd800' AS TEXT), CAST(x'd8' AS TEXT)", &r), 0);
    CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_TEXT);
    reply_clear(&r);
    end();
    snprintf(sql, sizeof sql, "%s!", text);
    ask_expecting(path, "SELECT x FROM t WHERE rowid = 2", sql);
    scratch_remove(directory);
  }
}

static void contract_15_numbers_at_their_edges(void) {
  const double infinity = 1e308 * 10;
  const double reals[] = {infinity, -infinity, 1.7976931348623157e308, 5e-324, 0.1, -0.5};
  const int64_t integers[] = {INT64_MIN, INT64_MAX, 0, -1};
  reply r;
  begin(0);
  for (size_t i = 0; i < COUNT_OF(reals); i++) {
    fetch_with("SELECT ?1, typeof(?1)", sidelite_real(reals[i]), &r);
    CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_REAL);
    CHECK(sidelite_row_real(r.result, 0, 0) == reals[i]);
    reply_clear(&r);
  }
  for (size_t i = 0; i < COUNT_OF(integers); i++) {
    fetch_with("SELECT ?", sidelite_int(integers[i]), &r);
    CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_INTEGER);
    CHECK_EQ(sidelite_row_int64(r.result, 0, 0), integers[i]);
    reply_clear(&r);
  }
  fetch_with("SELECT ?1, typeof(?1)", sidelite_real(infinity - infinity), &r);
  CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_NULL);
  check_text(&r, 0, 1, "null", 4);
  reply_clear(&r);
  end();
}

static void check_empty(sidelite_value value, uint32_t type, const char *type_name) {
  reply r;
  fetch_with("SELECT ?1, typeof(?1), ?1 IS NULL", value, &r);
  CHECK_EQ(sidelite_row_type(r.result, 0, 0), type);
  CHECK_EQ(sidelite_row_len(r.result, 0, 0), 0);
  CHECK_EQ(sidelite_row_blob(r.result, 0, 0) == NULL, type == SIDELITE_NULL);
  check_text(&r, 0, 1, type_name, strlen(type_name));
  CHECK_EQ(sidelite_row_int64(r.result, 0, 2), type == SIDELITE_NULL);
  reply_clear(&r);
}

static void contract_15_empty_is_not_null(void) {
  begin(0);
  check_empty(sidelite_null(), SIDELITE_NULL, "null");
  check_empty(sidelite_text(NULL), SIDELITE_NULL, "null");
  check_empty(sidelite_text(""), SIDELITE_TEXT, "text");
  check_empty(sidelite_text_n(NULL, 0), SIDELITE_TEXT, "text");
  check_empty(sidelite_blob("", 0), SIDELITE_BLOB, "blob");
  check_empty(sidelite_blob(NULL, 0), SIDELITE_BLOB, "blob");
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_15_text_keeps_its_nuls),
      TEST(contract_15_text_of_any_length),
      TEST(contract_15_text_that_is_not_utf8_is_refused),
      TEST(contract_15_text_that_is_utf8_and_any_blob_come_back),
      TEST(contract_15_any_text_binds_what_it_is_given),
      TEST(contract_15_nul_inside_sql_is_refused),
      TEST(contract_15_hostile_file_with_text_that_is_not_utf8),
      TEST(contract_15_utf16_file),
      TEST(contract_15_numbers_at_their_edges),
      TEST(contract_15_empty_is_not_null),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
