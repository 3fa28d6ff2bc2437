/* What every adapter must do, on the real loop. A program defines the driver of its loop, then includes this:
 *
 *   adapter                 the type; adapter_attach, and adapter_free, which detaches it and frees its memory
 *   loop                    one loop, with `attached`, the adapter that is on it, or NULL
 *   loop_new, loop_close    loop_close ends the loop and leaves its memory; an adapter may still be on it
 *   loop_run, loop_stop     run returns at a stop, or when nothing keeps the loop alive
 *   loop_tick               calls `tick` every `ms` milliseconds; with 0 no more
 *
 * LOOP_ONE_PER_PROCESS: there is no second one for a second thread. LOOP_QUEUE_NEW: makes the queue that it wants. */
#ifndef SUITE_H
#define SUITE_H

enum { BURST = 10000, BUDGET_US = 1000, BEAT_MS = 1 };

#ifndef LOOP_QUEUE_NEW
#define LOOP_QUEUE_NEW queue_new
#endif

static int32_t loop_try_attach(loop *l, sidelite_queue *queue, uint32_t budget_us) {
  adapter *a = (adapter *)malloc(sizeof *a);
  int32_t code = adapter_attach(a, queue, l, budget_us);
  if (code) free(a);
  else l->attached = a;
  return code;
}

static void loop_attach(loop *l, sidelite_queue *queue, uint32_t budget_us) {
  CHECK_EQ(loop_try_attach(l, queue, budget_us), SIDELITE_OK);
}

static void loop_detach(loop *l) {
  adapter *a = l->attached;
  l->attached = NULL;
  if (a) adapter_free(a);
}

/* The loop goes first, with the adapter on it where it was not detached before. */
static void loop_free(loop *l) {
  loop_close(l);
  loop_detach(l);
  free(l);
}

/* A loop with a queue, a connection, and the counts of what came back. */
typedef struct stage {
  loop *l;
  sidelite_queue *queue;
  sidelite_conn *conn;
  int wanted, finals, ok, cancelled; /* finals of requests; of them with code 0, and CANCELLED */
  int stop_at;                       /* stop the loop from so many finals on; 0 never */
  int opened, closed;
  pthread_t thread;                  /* that callbacks must run on */
} stage;

static void on_news(const sidelite_event *event, void *user_data) {
  stage *s = (stage *)user_data;
  CHECK(pthread_equal(pthread_self(), s->thread));
  CHECK_EQ(event->code, SIDELITE_OK);
  if (event->flags & SIDELITE_EVENT_OPENED) s->opened++;
  if (!(event->flags & SIDELITE_EVENT_CLOSED)) return;
  s->closed++;
  loop_stop(s->l);
}

static void on_final(const sidelite_event *event, void *user_data) {
  stage *s = (stage *)user_data;
  CHECK(pthread_equal(pthread_self(), s->thread));
  if (event->flags & SIDELITE_EVENT_MORE) return;
  s->finals++;
  s->ok += event->code == SIDELITE_OK;
  s->cancelled += event->code == SIDELITE_ERR_CANCELLED;
  if (s->stop_at && s->finals >= s->stop_at) loop_stop(s->l);
}

static void stage_begin(stage *s) {
  memset(s, 0, sizeof *s);
  s->thread = pthread_self();
  s->l = loop_new();
  s->queue = LOOP_QUEUE_NEW();
  loop_attach(s->l, s->queue, BUDGET_US);
  CHECK_EQ(sidelite_open(s->queue, ":memory:", NULL, on_news, s, &s->conn), SIDELITE_OK);
}

static void submit(stage *s, const char *sql, int count) {
  s->wanted += count;
  while (count--) CHECK(sidelite_execute(s->conn, sql, NULL, 0, on_final, s) > 0);
}

/* Runs until CLOSED has come, which is a connection's last event. */
static void run_to_closed(stage *s) {
  double end = now_ms() + 60000;
  while (!s->closed) {
    CHECK(now_ms() < end);
    loop_run(s->l);
  }
  CHECK_EQ(s->finals, s->wanted);
}

/* Closes in DRAIN mode, if it is not closed yet, and takes all away: the adapter first, then loop and queue. */
static void stage_end(stage *s) {
  if (!s->closed) {
    CHECK_EQ(sidelite_close(s->conn, SIDELITE_CLOSE_DRAIN, on_news, s), SIDELITE_OK);
    run_to_closed(s);
  }
  loop_detach(s->l);
  loop_free(s->l);
  CHECK_EQ(sidelite_queue_free(s->queue, -1), 0);
}

/* ---- 10,000 requests of one turn, and a timer that beats meanwhile ---- */

typedef struct heart {
  stage s;
  int beats;
  double last, longest_gap, longest_call, submit_ms;
} heart;

static void submit_burst(heart *h) {
  double began = now_ms(), before = began;
  int i;
  for (i = 0; i < BURST; i++) {
    double after;
    submit(&h->s, "INSERT INTO t VALUES (1)", 1);
    after = now_ms();
    if (after - before > h->longest_call) h->longest_call = after - before;
    before = after;
  }
  h->submit_ms = before - began;
}

static void on_beat(void *context) {
  heart *h = (heart *)context;
  double gap = now_ms() - h->last;
  if (h->beats > 0 && gap > h->longest_gap) h->longest_gap = gap;
  if (++h->beats == 2) submit_burst(h);
  /* What the gap counts is what dispatch takes of the loop, and the machine: the burst is counted by itself. */
  h->last = now_ms();
}

static void loop_takes_10000_requests_of_one_turn_and_its_timer_keeps_the_beat(void) {
  heart h;
  memset(&h, 0, sizeof h);
  stage_begin(&h.s);
  submit(&h.s, "CREATE TABLE t(i)", 1);
  h.s.stop_at = BURST + 1;
  loop_tick(h.s.l, BEAT_MS, on_beat, &h);
  loop_run(h.s.l);
  loop_tick(h.s.l, 0, NULL, NULL);
  CHECK_EQ(h.s.finals, BURST + 1);
  CHECK_EQ(h.s.ok, BURST + 1);
  CHECK(h.beats >= 2);
  printf("measured %d requests submitted in %.1f ms, longest call %.2f ms; %d beats of %d ms, longest gap %.1f ms\n",
         BURST, h.submit_ms, h.longest_call, h.beats, BEAT_MS, h.longest_gap);
  stage_end(&h.s);
}

/* ---- A budget for each turn ---- */

typedef struct turns {
  stage s;
  int finals_at_beat, beats_between; /* turns of the timer that came between callbacks */
} turns;

static void on_slow_final(const sidelite_event *event, void *user_data) {
  (void)event;
  sleep_ms(1);
  on_final(event, user_data);
}

static void on_turn(void *context) {
  turns *t = (turns *)context;
  if (t->s.finals > t->finals_at_beat) t->beats_between++;
  t->finals_at_beat = t->s.finals;
}

/* Twenty callbacks of 1 ms wait, and a turn has 1 ms: the timer gets its turns in between. */
static void loop_budget_gives_other_handles_their_turn(void) {
  turns t;
  int i;
  gate g;
  memset(&t, 0, sizeof t);
  stage_begin(&t.s);
  for (i = 0; i < 20; i++) CHECK(sidelite_execute(t.s.conn, "SELECT 1", NULL, 0, on_slow_final, &t.s) > 0);
  t.s.wanted = t.s.stop_at = 20;
  gate_shut(&g, t.s.conn);
  loop_tick(t.s.l, BEAT_MS, on_turn, &t);
  loop_run(t.s.l);
  loop_tick(t.s.l, 0, NULL, NULL);
  CHECK_EQ(t.s.finals, 20);
  /* A turn for each callback, and the timer's beats between them, as many as its clock has (libevent's is coarse). */
  CHECK(stats_of(t.s.queue).polls >= 20);
  CHECK(t.beats_between >= 1);
  gate_open(&g);
  stage_end(&t.s);
  CHECK_EQ(g.run.finals, 1);
  reply_clear(&g.run);
}

/* ---- Endings ---- */

static void on_close_time(void *context) {
  stage *s = (stage *)context;
  loop_tick(s->l, 0, NULL, NULL);
  CHECK_EQ(sidelite_close(s->conn, SIDELITE_CLOSE_CANCEL, on_news, s), SIDELITE_OK);
}

static void loop_close_during_work_ends_every_request_once(void) {
  stage s;
  stage_begin(&s);
  submit(&s, "SELECT 1", 100);
  submit(&s, ENDLESS, 1);
  submit(&s, "SELECT 1", 100);
  loop_tick(s.l, 20, on_close_time, &s);
  run_to_closed(&s);
  CHECK(s.cancelled >= 101);
  CHECK_EQ(s.ok + s.cancelled, 201);
  stage_end(&s);
}

static void loop_stopped_and_started_again_loses_nothing(void) {
  stage s;
  int runs = 0;
  stage_begin(&s);
  /* With a microsecond for each turn the first one cannot take all. */
  loop_detach(s.l);
  loop_attach(s.l, s.queue, 1);
  submit(&s, "SELECT 1", 1000);
  for (s.stop_at = 1; s.finals < 1000; s.stop_at = s.finals + 1, runs++) loop_run(s.l);
  CHECK_EQ(s.finals, 1000);
  CHECK(runs >= 2);
  /* Nothing was out any more: what is submitted between two runs counts as well. */
  submit(&s, "SELECT 1", 1);
  s.stop_at = s.wanted;
  loop_run(s.l);
  CHECK_EQ(s.finals, 1001);
  stage_end(&s);
}

/* Detaches with work in flight, and nothing comes; on another loop it comes. */
static void loop_detached_during_work_leaves_it_to_the_next(void) {
  stage s;
  gate g;
  stage_begin(&s);
  submit(&s, "SELECT 1", 50);
  gate_shut(&g, s.conn);
  submit(&s, "SELECT 1", 50);
  loop_detach(s.l);
  loop_free(s.l);
  gate_open(&g);
  WAIT_UNTIL(stats_of(s.conn).completed == 101);
  CHECK_EQ(s.finals, 0);
  s.l = loop_new();
  loop_attach(s.l, s.queue, BUDGET_US);
  s.stop_at = s.wanted;
  loop_run(s.l);
  CHECK_EQ(s.finals, 100);
  stage_end(&s);
  reply_clear(&g.run);
}

/* The loop goes first, with the adapter on it and requests out; then the adapter. */
static void loop_closed_before_it_is_detached_during_work(void) {
  stage s;
  stage_begin(&s);
  submit(&s, ENDLESS, 1);
  submit(&s, "SELECT 1", 50);
  loop_free(s.l);
  CHECK_EQ(s.finals, 0);
  CHECK(sidelite_queue_free(s.queue, -1) >= 51);
}

/* Its adapter's memory is gone when it returns, or as soon as the loop allows. */
static void on_destroy(const sidelite_event *event, void *user_data) {
  stage *s = (stage *)user_data;
  on_final(event, s);
  loop_detach(s->l);
  loop_stop(s->l);
}

static void loop_callback_that_destroys_its_adapter_is_the_last(void) {
  stage s;
  gate g;
  stage_begin(&s);
  s.wanted = 1;
  CHECK(sidelite_execute(s.conn, "SELECT 1", NULL, 0, on_destroy, &s) > 0);
  submit(&s, "SELECT 1", 50);
  gate_shut(&g, s.conn);
  loop_run(s.l);
  CHECK_EQ(s.finals, 1);
  /* The fifty are in the queue since the gate was reached, and have stayed there. */
  loop_attach(s.l, s.queue, BUDGET_US);
  s.stop_at = s.wanted;
  loop_run(s.l);
  CHECK_EQ(s.finals, 51);
  gate_open(&g);
  stage_end(&s);
  reply_clear(&g.run);
}

static void loop_attach_refuses_a_queue_that_is_gone(void) {
  loop *l = loop_new();
  sidelite_queue *queue = LOOP_QUEUE_NEW();
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(loop_try_attach(l, queue, BUDGET_US), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(loop_try_attach(l, NULL, BUDGET_US), SIDELITE_ERR_BAD_HANDLE);
  loop_free(l);
}

/* ---- One connection, two threads, each with a loop and a queue of its own ---- */

enum { SHARED = 2000 };

static void submit_to_own_queue(stage *s) {
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT 1", NULL);
  int i;
  request.callback = on_final;
  request.user_data = s;
  request.reply_to = s->queue;
  for (i = 0; i < SHARED; i++) CHECK(sidelite_submit(s->conn, &request, 1) > 0);
  s->wanted = SHARED;
}

#ifdef LOOP_ONE_PER_PROCESS
/* The other thread's loop is a plain one over poll(2). */
static void run_other_loop(stage *s) {
  s->queue = queue_new();
  submit_to_own_queue(s);
  TURN_UNTIL(s->queue, s->finals == SHARED);
}
#else
static void run_other_loop(stage *s) {
  s->queue = LOOP_QUEUE_NEW();
  s->l = loop_new();
  loop_attach(s->l, s->queue, BUDGET_US);
  submit_to_own_queue(s);
  s->stop_at = SHARED;
  loop_run(s->l);
  loop_detach(s->l);
  loop_free(s->l);
}
#endif

static void *correspond(void *context) {
  stage *s = (stage *)context;
  s->thread = pthread_self();
  run_other_loop(s);
  CHECK_EQ(s->finals, SHARED);
  CHECK_EQ(s->ok, SHARED);
  CHECK_EQ(sidelite_queue_free(s->queue, -1), 0);
  return NULL;
}

static void loop_two_threads_share_a_connection(void) {
  stage first, second;
  pthread_t thread;
  stage_begin(&first);
  memset(&second, 0, sizeof second);
  second.conn = first.conn;
  CHECK_EQ(pthread_create(&thread, NULL, correspond, &second), 0);
  submit_to_own_queue(&first);
  first.stop_at = SHARED;
  loop_run(first.l);
  CHECK_EQ(first.finals, SHARED);
  CHECK_EQ(first.ok, SHARED);
  CHECK_EQ(pthread_join(thread, NULL), 0);
  stage_end(&first);
}

#define SUITE                                                               \
  TEST(loop_takes_10000_requests_of_one_turn_and_its_timer_keeps_the_beat), \
      TEST(loop_budget_gives_other_handles_their_turn),                     \
      TEST(loop_close_during_work_ends_every_request_once),                 \
      TEST(loop_stopped_and_started_again_loses_nothing),                   \
      TEST(loop_detached_during_work_leaves_it_to_the_next),                \
      TEST(loop_closed_before_it_is_detached_during_work),                  \
      TEST(loop_callback_that_destroys_its_adapter_is_the_last),            \
      TEST(loop_attach_refuses_a_queue_that_is_gone),                       \
      TEST(loop_two_threads_share_a_connection)

#endif
