/* Contract 11: every final event carries the extended code, the message, and whether a transaction is open. */
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  const char *schema[] = {"CREATE TABLE person(id INTEGER PRIMARY KEY, name NOT NULL UNIQUE, age CHECK(age >= 0))",
                          "CREATE TABLE pet(owner INTEGER REFERENCES person)",
                          "INSERT INTO person VALUES (1, 'ada', 36)"};
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_FOREIGN_KEYS);
  queue = queue_new();
  conn = conn_open(queue, ":memory:", &config);
  for (size_t i = 0; i < COUNT_OF(schema); i++) CHECK_EQ(exec(queue, conn, schema[i]), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

typedef struct fact {
  const char *sql;
  int32_t code;
  const char *message;
} fact;

static const char *message_of(const reply *r) { return (const char *)r->result + r->result->message; }

static void check_error(const reply *r, int32_t code, const char *message) {
  CHECK_EQ(r->code, code);
  CHECK(r->result && r->result->message);
  if (strcmp(message_of(r), message)) fprintf(stderr, "message is \"%s\", expected \"%s\"\n", message_of(r), message);
  CHECK(!strcmp(message_of(r), message));
  CHECK_EQ(r->result->message_len, strlen(message));
  CHECK_EQ(r->result->nrows, 0);
}

static void contract_11_extended_code_and_message_of_errors(void) {
  const fact facts[] = {
      {"INSERT INTO person VALUES (2, 'ada', 1)", SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: person.name"},
      {"INSERT INTO person VALUES (1, 'bo', 1)", SQLITE_CONSTRAINT_PRIMARYKEY, "UNIQUE constraint failed: person.id"},
      {"INSERT INTO person(id) VALUES (2)", SQLITE_CONSTRAINT_NOTNULL, "NOT NULL constraint failed: person.name"},
      {"INSERT INTO person VALUES (2, 'bob', -1)", SQLITE_CONSTRAINT_CHECK, "CHECK constraint failed: age >= 0"},
      {"INSERT INTO pet VALUES (9)", SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed"},
      {"SELECT * FROM nowhere", SQLITE_ERROR, "no such table: nowhere"},
      {"COMMIT", SQLITE_ERROR, "cannot commit - no transaction is active"},
  };
  const uint32_t kinds[] = {SIDELITE_EXECUTE, SIDELITE_FETCH, SIDELITE_STREAM, SIDELITE_SCRIPT};
  begin();
  for (size_t i = 0; i < COUNT_OF(facts); i++)
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
      reply r = reply_new();
      sidelite_request request = request_new(kinds[k], facts[i].sql, &r);
      (void)run_request(queue, conn, &request, &r);
      check_error(&r, facts[i].code, facts[i].message);
      CHECK_EQ(r.result->sqlite_code, facts[i].code);
      reply_clear(&r);
    }
  end();
}

static void contract_11_offset_of_errors_in_the_text(void) {
  const char *sql = "SELECT id, nobody FROM person", *script = "SELECT 1; SELECT id, nobody FROM person";
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_SCRIPT, script, &r);
  begin();
  CHECK_EQ(fetch(queue, conn, sql, &r), SQLITE_ERROR);
  CHECK_EQ(r.result->sql_offset, strstr(sql, "nobody") - sql);
  check_error(&r, SQLITE_ERROR, "no such column: nobody");
  reply_clear(&r);
  CHECK_EQ(run_request(queue, conn, &request, &r), SQLITE_ERROR);
  CHECK_EQ(r.result->sql_offset, strstr(script, "nobody") - script);
  reply_clear(&r);
  CHECK_EQ(fetch(queue, conn, "INSERT INTO pet VALUES (9)", &r), SQLITE_CONSTRAINT_FOREIGNKEY);
  CHECK_EQ(r.result->sql_offset, -1);
  reply_clear(&r);
  end();
}

/* sidelite's own codes come with words of their own, and with SQLite's code where one was behind them. */
static void contract_11_message_of_cancelled_and_aborted_requests(void) {
  reply running = reply_new(), queued = reply_new();
  int64_t id;
  begin();
  id = execute_until_it_runs(queue, conn, ENDLESS, &running);
  execute(conn, "SELECT 1", &queued);
  CHECK_EQ(sidelite_cancel(conn, id + 1), SIDELITE_OK);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &running, SIDELITE_ERR_CANCELLED);
  EXPECT(queue, &queued, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(running.result->sqlite_code, SQLITE_INTERRUPT);
  CHECK(running.result->message_len > 0);
  CHECK_EQ(queued.result->sqlite_code, 0);
  CHECK(queued.result->message_len > 0);
  reply_clear(&running);
  reply_clear(&queued);
  end();
}

static void contract_11_in_transaction_follows_each_request(void) {
  const step steps[] = {
      {SIDELITE_EXECUTE, "SELECT 1", 0, 0},
      {SIDELITE_EXECUTE, "BEGIN", 0, IN_TRANSACTION},
      {SIDELITE_FETCH, "SELECT * FROM person", 0, IN_TRANSACTION},
      {SIDELITE_STREAM, "SELECT * FROM person", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "INSERT INTO person VALUES (1, 'bob', 1)", SQLITE_CONSTRAINT_PRIMARYKEY, IN_TRANSACTION},
      {SIDELITE_SCRIPT, "COMMIT; SELECT 1; BEGIN", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "ROLLBACK", 0, 0},
      {SIDELITE_EXECUTE, "SAVEPOINT a", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "ROLLBACK TO a", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "RELEASE a", 0, 0},
      {SIDELITE_SCRIPT, "BEGIN; INSERT INTO pet VALUES (1); COMMIT", 0, 0},
      {SIDELITE_EXECUTE, "BEGIN EXCLUSIVE", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "INSERT OR ROLLBACK INTO person VALUES (1, 'bob', 1)", SQLITE_CONSTRAINT_PRIMARYKEY,
       ROLLED_BACK},
      {SIDELITE_EXECUTE, "END", SIDELITE_ERR_ABORTED, NOT_RUN},
      {SIDELITE_EXECUTE, "SELECT 1", 0, 0}};
  begin();
  steps_run(queue, conn, steps, COUNT_OF(steps));
  end();
}

/* The COMMIT that violates a deferred foreign key fails and leaves its transaction open, for the host to repair. */
static void contract_11_in_transaction_after_a_commit_that_fails(void) {
  const step steps[] = {{SIDELITE_EXECUTE, "BEGIN", 0, IN_TRANSACTION},
                        {SIDELITE_EXECUTE, "PRAGMA defer_foreign_keys=1", 0, IN_TRANSACTION},
                        {SIDELITE_EXECUTE, "INSERT INTO pet VALUES (9)", 0, IN_TRANSACTION},
                        {SIDELITE_EXECUTE, "COMMIT", SQLITE_CONSTRAINT_FOREIGNKEY, IN_TRANSACTION},
                        {SIDELITE_EXECUTE, "DELETE FROM pet", 0, IN_TRANSACTION},
                        {SIDELITE_EXECUTE, "COMMIT", 0, 0}};
  begin();
  steps_run(queue, conn, steps, COUNT_OF(steps));
  end();
}

static void contract_11_open_that_fails_tells_why_to_everybody(void) {
  const char *directory = scratch_new();
  char path[4200];
  const struct {
    const char *path;
    int32_t code;
    uint32_t flags;
  } cases[] = {{path, SQLITE_CANTOPEN, SIDELITE_OPEN_NO_CREATE}, {directory, SQLITE_CANTOPEN, 0}};
  path_join(path, sizeof path, directory, "missing.db");
  queue = queue_new();
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    sidelite_open_config config = open_config_new(cases[i].flags);
    reply opened = reply_new(), fetched = reply_new(), streamed = reply_new();
    CHECK_EQ(sidelite_open(queue, cases[i].path, &config, on_reply, &opened, &conn), SIDELITE_OK);
    CHECK(sidelite_fetch(conn, "SELECT 1", NULL, 0, on_reply, &fetched) > 0);
    CHECK(sidelite_stream(conn, "SELECT 1", NULL, 0, 0, on_reply, &streamed) > 0);
    TURN_UNTIL(queue, streamed.finals);
    CHECK_EQ(opened.code & 0xff, cases[i].code);
    CHECK(opened.flags & SIDELITE_EVENT_OPENED);
    CHECK(opened.result && opened.result->message_len);
    check_error(&fetched, opened.code, message_of(&opened));
    check_error(&streamed, opened.code, message_of(&opened));
    conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
    reply_clear(&opened);
    reply_clear(&fetched);
    reply_clear(&streamed);
  }
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static void contract_11_file_that_is_no_database_is_an_error(void) {
  const char *directory = scratch_new();
  char path[4200];
  reply r = reply_new();
  FILE *file;
  path_join(path, sizeof path, directory, "garbage.db");
  CHECK((file = fopen(path, "w")) != NULL);
  for (int i = 0; i < 1000; i++) fputs("not a database at all, ", file);
  fclose(file);
  queue = queue_new();
  CHECK_EQ(sidelite_open(queue, path, NULL, NULL, NULL, &conn), SIDELITE_OK);
  CHECK_EQ(fetch(queue, conn, "SELECT * FROM sqlite_schema", &r), SQLITE_NOTADB);
  check_error(&r, SQLITE_NOTADB, "file is not a database");
  reply_clear(&r);
  end();
  scratch_remove(directory);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_11_extended_code_and_message_of_errors),
      TEST(contract_11_offset_of_errors_in_the_text),
      TEST(contract_11_message_of_cancelled_and_aborted_requests),
      TEST(contract_11_in_transaction_follows_each_request),
      TEST(contract_11_in_transaction_after_a_commit_that_fails),
      TEST(contract_11_open_that_fails_tells_why_to_everybody),
      TEST(contract_11_file_that_is_no_database_is_an_error),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
