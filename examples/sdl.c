/* A game's loop, 60 frames a second, with a database in it. 34,006 cities go in, come out as a stream and light up on
 * a map, and every frame writes where 200 satellites are. A frame gives all this one call, sidelite_dispatch, which
 * starts no callback after its first millisecond: the rest comes with the next frame.
 *
 *   sdl [--frames N] [--screenshot FILE.bmp] [CITIES.csv]
 *
 * Escape, closing the window or the N-th frame ends it. The screenshot is of what it shows then. */
#include <SDL.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidelite.h"

enum {
  FRAMES_PER_SECOND = 60,
  BUDGET_US = 1000,
  PIXELS = 4,   /* for a degree */
  NORTH = 80,   /* degrees of latitude; no city lies outside */
  SOUTH = -56,
  WIDTH = 360 * PIXELS,
  HEIGHT = (NORTH - SOUTH) * PIXELS,
  GLOW = 32,    /* pixels of its texture */
  ORBITS = 4,
  SATELLITES = 50 * ORBITS,
  BATCH_ROWS = 500,
  BATCHES_AHEAD = 4, /* kept out, so that neither side waits for the other */
  CHUNK_ROWS = 100,  /* few, so that each callback is short */
  GAUGE_STEPS = 2000 /* of 0.05 ms */
};

typedef struct gauge { /* of times in milliseconds */
  uint32_t counts[GAUGE_STEPS];
  double worst;
} gauge;

typedef struct app {
  SDL_Window *window;
  SDL_Renderer *renderer;
  SDL_Texture *map, *glow;
  sidelite_queue *queue;
  sidelite_conn *conn;
  char *at;         /* what comes next in the file */
  uint32_t batches; /* that are out */
  bool streaming, saving, leaving, closed, failed;
  int64_t imported, painted, saved; /* rows */
  uint64_t frame;
  gauge work, callbacks;
} app;

static double now_ms(void) { return (double)SDL_GetPerformanceCounter() * 1e3 / (double)SDL_GetPerformanceFrequency(); }

static void fail(app *a, const char *what, const char *why) {
  fprintf(stderr, "sdl: %s: %s\n", what, why);
  a->failed = a->leaving = true;
}

/* ---- Pictures ---- */

static int x_of(double longitude) { return (int)((longitude + 180) * PIXELS); }
static int y_of(double latitude) { return (int)((NORTH - latitude) * PIXELS); }

/* From small towns, 0, to the largest cities, 1. */
static SDL_Color colour_of(double size) {
  static const SDL_Color ramp[] = {{112, 52, 130, 255}, {205, 62, 92, 255}, {250, 135, 50, 255},
                                   {255, 212, 100, 255}, {255, 255, 235, 255}};
  int step = (int)SDL_min(size * 4, 3);
  double share = size * 4 - step;
  const SDL_Color *from = ramp + step, *to = from + 1;
  return (SDL_Color){(Uint8)(from->r + share * (to->r - from->r)), (Uint8)(from->g + share * (to->g - from->g)),
                     (Uint8)(from->b + share * (to->b - from->b)), 255};
}

static void fill_square(SDL_Renderer *renderer, int x, int y, int side) {
  SDL_RenderFillRect(renderer, &(SDL_Rect){x - side / 2, y - side / 2, side, side});
}

/* Onto the map, which is what callbacks draw on. */
static void paint_city(app *a, double longitude, double latitude, double population) {
  double size = SDL_clamp((SDL_log10(population + 1) - 4.1) / 3.1, 0, 1);
  int x = x_of(longitude), y = y_of(latitude), halo = (int)(size * size * 40);
  SDL_Color colour = colour_of(size);
  if (halo > 4) {
    SDL_SetTextureColorMod(a->glow, colour.r, colour.g, colour.b);
    SDL_RenderCopy(a->renderer, a->glow, NULL, &(SDL_Rect){x - halo / 2, y - halo / 2, halo, halo});
  }
  SDL_SetRenderDrawColor(a->renderer, colour.r, colour.g, colour.b, 255);
  fill_square(a->renderer, x, y, 1 + (int)(size * 4));
}

static void paint_sea(app *a) {
  SDL_SetRenderTarget(a->renderer, a->map);
  SDL_SetRenderDrawColor(a->renderer, 7, 13, 27, 255);
  SDL_RenderClear(a->renderer);
  SDL_SetRenderDrawColor(a->renderer, 90, 140, 200, 40);
  for (int longitude = -165; longitude < 180; longitude += 15)
    SDL_RenderDrawLine(a->renderer, x_of(longitude), 0, x_of(longitude), HEIGHT);
  for (int latitude = -45; latitude < NORTH; latitude += 15)
    SDL_RenderDrawLine(a->renderer, 0, y_of(latitude), WIDTH, y_of(latitude));
  SDL_SetRenderTarget(a->renderer, NULL);
}

/* A white disc that fades out. */
static SDL_Texture *glow_new(SDL_Renderer *renderer) {
  static Uint32 pixels[GLOW * GLOW];
  SDL_Texture *glow = SDL_CreateTexture(renderer, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STATIC, GLOW, GLOW);
  for (int i = 0; i < GLOW * GLOW; i++) {
    double x = (i % GLOW + 0.5) * 2 / GLOW - 1, y = (i / GLOW + 0.5) * 2 / GLOW - 1;
    double light = SDL_max(0, 1 - SDL_sqrt(x * x + y * y));
    pixels[i] = (Uint32)(72 * light * light) << 24 | 0xFFFFFF;
  }
  SDL_UpdateTexture(glow, NULL, pixels, GLOW * sizeof *pixels);
  SDL_SetTextureBlendMode(glow, SDL_BLENDMODE_ADD);
  return glow;
}

static bool open_window(app *a) {
  if (SDL_Init(SDL_INIT_VIDEO)) return false;
  a->window = SDL_CreateWindow("sidelite", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, WIDTH, HEIGHT,
                               SDL_WINDOW_RESIZABLE);
  if (a->window) a->renderer = SDL_CreateRenderer(a->window, -1, SDL_RENDERER_TARGETTEXTURE);
  if (!a->renderer || SDL_RenderSetLogicalSize(a->renderer, WIDTH, HEIGHT)) return false;
  SDL_SetRenderDrawBlendMode(a->renderer, SDL_BLENDMODE_BLEND);
  a->map = SDL_CreateTexture(a->renderer, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_TARGET, WIDTH, HEIGHT);
  a->glow = glow_new(a->renderer);
  return a->map && a->glow;
}

/* ---- Cities: from the file into the database, and as a stream onto the map ---- */

static bool accepted(app *a, const char *what, int64_t id_or_status) {
  if (id_or_status < 0) fail(a, what, sidelite_status_string((int32_t)id_or_status));
  return id_or_status >= 0;
}

/* What is in flight at the end is cancelled, which is no failure. */
static bool succeeded(app *a, const char *what, const sidelite_event *event) {
  if (event->code && !(a->leaving && event->code == SIDELITE_ERR_CANCELLED))
    fail(a, what, sidelite_event_message(event));
  return event->code == SIDELITE_OK;
}

static void on_closed(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  a->closed = true;
  succeeded(a, "close", event);
}

static void on_setup(const sidelite_event *event, void *user_data) { succeeded(user_data, "open", event); }

static void open_database(app *a) {
  const sidelite_open_config config = {.struct_size = sizeof config, .flags = SIDELITE_OPEN_HARDENED};
  if (accepted(a, "queue", sidelite_queue_new(NULL, &a->queue)) &&
      accepted(a, "open", sidelite_open(a->queue, "", &config, on_setup, a, &a->conn)))
    accepted(a, "tables", sidelite_script(a->conn,
        "CREATE TABLE city(latitude REAL CHECK (abs(latitude) <= 90), longitude REAL CHECK (abs(longitude) <= 180),"
        "  population INTEGER CHECK (population >= 0)) STRICT;"
        "CREATE TABLE satellite(id INTEGER PRIMARY KEY, longitude REAL, latitude REAL) STRICT", on_setup, a));
}

/* Takes one field, unquoted in place (RFC 4180). */
static sidelite_value take_field(char **at) {
  char *start = *at, *end;
  if (*start == '"') {
    char *from = end = ++start;
    while (*from && (*from != '"' || *++from == '"')) *end++ = *from++;
    *at = from;
  } else {
    *at = end = start + strcspn(start, ",\r\n");
  }
  *at += **at == ',' ? 1 : strspn(*at, "\r\n");
  return sidelite_text_n(start, (uint32_t)(end - start));
}

static void on_batch(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  a->batches--;
  a->imported += event->changes;
  succeeded(a, "import", event);
}

/* Values go in as text: the columns make numbers of them, and STRICT refuses what is none. */
static void submit_batch(app *a) {
  enum { LATITUDE = 2, LONGITUDE, POPULATION = 6, FIELDS = 8 };
  sidelite_value rows[BATCH_ROWS][3];
  uint32_t n = 0;
  for (; n < BATCH_ROWS && *a->at; n++)
    for (int field = 0; field < FIELDS; field++) {
      sidelite_value value = take_field(&a->at);
      if (field == LATITUDE || field == LONGITUDE) rows[n][field - LATITUDE] = value;
      if (field == POPULATION) rows[n][2] = value;
    }
  const sidelite_request insert = {
      .struct_size = sizeof insert, .kind = SIDELITE_EXECUTE, .flags = SIDELITE_ATOMIC,
      .sql = "INSERT INTO city VALUES (?, ?, ?)", .values = rows[0], .ncols = 3, .nrows = n,
      .callback = on_batch, .user_data = a};
  a->batches += accepted(a, "import", sidelite_submit(a->conn, &insert, 1));
}

/* A chunk that is painted gives credit for the next, so that the table never waits in memory. */
static void on_chunk(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  if (!succeeded(a, "stream", event)) return;
  for (uint32_t row = 0; row < event->result->nrows; row++, a->painted++)
    paint_city(a, sidelite_row_real(event->result, row, 0), sidelite_row_real(event->result, row, 1),
               sidelite_row_real(event->result, row, 2));
  if (event->flags & SIDELITE_EVENT_MORE)
    (void)sidelite_more(event->conn, event->id, 1); /* refused when the stream has ended meanwhile: no matter */
}

/* Batches as long as there is something in the file; behind them the stream, large cities last and above the others. */
static void feed(app *a) {
  while (*a->at && a->batches < BATCHES_AHEAD && !a->leaving) submit_batch(a);
  if (*a->at || a->streaming || a->leaving) return;
  a->streaming = true;
  accepted(a, "stream", sidelite_stream(a->conn,
      "SELECT longitude, latitude, population FROM city ORDER BY population", NULL, 0, CHUNK_ROWS, on_chunk, a));
}

/* ---- Satellites: where they are is drawn and written in each frame ---- */

/* Degrees east and north: they follow each other on the orbits, which look like waves on a flat map. */
static void locate(uint64_t frame, int satellite, double *longitude, double *latitude) {
  double along = 360.0 * satellite / SATELLITES + (double)frame * 0.1;
  *longitude = SDL_fmod(along + 360.0 * (satellite % ORBITS) / ORBITS, 360) - 180;
  *latitude = 53 * SDL_sin(along * 3.14159265 / 180);
}

static void on_saved(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  a->saving = false;
  a->saved += event->changes;
  succeeded(a, "save", event);
}

/* The load in the background: a transaction in each frame, if the one before has ended. */
static void save_satellites(app *a) {
  sidelite_value rows[SATELLITES][3];
  for (int i = 0; i < SATELLITES; i++) {
    double longitude, latitude;
    locate(a->frame, i, &longitude, &latitude);
    rows[i][0] = sidelite_int(i);
    rows[i][1] = sidelite_real(longitude);
    rows[i][2] = sidelite_real(latitude);
  }
  const sidelite_request save = {
      .struct_size = sizeof save, .kind = SIDELITE_EXECUTE, .flags = SIDELITE_ATOMIC,
      .sql = "REPLACE INTO satellite VALUES (?, ?, ?)", .values = rows[0], .ncols = 3, .nrows = SATELLITES,
      .callback = on_saved, .user_data = a};
  a->saving = accepted(a, "save", sidelite_submit(a->conn, &save, 1));
}

/* ---- Frames ---- */

static void measure(gauge *g, double began) {
  double time = now_ms() - began;
  g->counts[(int)SDL_min(time * 20, GAUGE_STEPS - 1)]++;
  g->worst = SDL_max(g->worst, time);
}

static double median(const gauge *g, uint64_t n) {
  uint64_t below = 0;
  int step = 0;
  while (step < GAUGE_STEPS - 1 && (below += g->counts[step]) * 2 < n) step++;
  return (step + 0.5) / 20;
}

static void handle_input(app *a) {
  SDL_Event event;
  while (SDL_PollEvent(&event))
    a->leaving |= event.type == SDL_QUIT || (event.type == SDL_KEYDOWN && event.key.keysym.sym == SDLK_ESCAPE);
}

static void run_callbacks(app *a) {
  double began = now_ms();
  SDL_SetRenderTarget(a->renderer, a->map);
  sidelite_dispatch(a->queue, 0, BUDGET_US);
  SDL_SetRenderTarget(a->renderer, NULL);
  measure(&a->callbacks, began);
}

static void draw(app *a) {
  SDL_SetRenderDrawColor(a->renderer, 0, 0, 0, 255);
  SDL_RenderClear(a->renderer);
  SDL_RenderCopy(a->renderer, a->map, NULL, NULL);
  SDL_SetRenderDrawColor(a->renderer, 130, 235, 255, 255);
  for (int i = 0; i < SATELLITES; i++) {
    double longitude, latitude;
    locate(a->frame, i, &longitude, &latitude);
    fill_square(a->renderer, x_of(longitude), y_of(latitude), 2);
  }
}

static void take_screenshot(app *a, const char *path) {
  int width, height;
  SDL_Surface *picture = NULL;
  draw(a); /* what was presented cannot be read any more */
  if (!SDL_GetRendererOutputSize(a->renderer, &width, &height))
    picture = SDL_CreateRGBSurfaceWithFormat(0, width, height, 32, SDL_PIXELFORMAT_ARGB8888);
  if (!picture || SDL_RenderReadPixels(a->renderer, NULL, SDL_PIXELFORMAT_ARGB8888, picture->pixels, picture->pitch) ||
      SDL_SaveBMP(picture, path))
    fail(a, path, SDL_GetError());
  SDL_FreeSurface(picture);
}

static void wait_until(double *due) {
  double left = *due - now_ms();
  if (left > 0) SDL_Delay((Uint32)left);
  else *due -= left; /* a frame that was late is not made up for */
}

/* Until there is a reason to leave, or so many frames have been shown; 0 is no limit. */
static void run_frames(app *a, uint64_t frames) {
  double due = now_ms();
  while (!a->leaving) {
    double began = now_ms();
    handle_input(a);
    run_callbacks(a);
    feed(a);
    if (!a->saving && !a->leaving) save_satellites(a);
    draw(a);
    a->leaving |= ++a->frame == frames;
    SDL_RenderPresent(a->renderer);
    measure(&a->work, began);
    due += 1e3 / FRAMES_PER_SECOND;
    wait_until(&due);
  }
}

static void print_statistics(const app *a) {
  printf("%" PRIu64 " frames: %.2f ms of work in the median, %.2f at most; callbacks %.2f and %.2f\n", a->frame,
         median(&a->work, a->frame), a->work.worst, median(&a->callbacks, a->frame), a->callbacks.worst);
  printf("%" PRId64 " cities imported, %" PRId64 " painted; %" PRId64 " places of satellites written\n", a->imported,
         a->painted, a->saved);
}

/* What is in flight ends before CLOSED, and its callbacks may still paint. */
static void close_database(app *a) {
  if (a->conn && accepted(a, "close", sidelite_close(a->conn, SIDELITE_CLOSE_CANCEL, on_closed, a)))
    for (; !a->closed; SDL_Delay(1)) run_callbacks(a);
  if (a->queue) accepted(a, "queue", sidelite_queue_free(a->queue, -1));
}

static void close_window(app *a) {
  SDL_DestroyTexture(a->glow);
  SDL_DestroyTexture(a->map);
  SDL_DestroyRenderer(a->renderer);
  SDL_DestroyWindow(a->window);
  SDL_Quit();
}

int main(int argc, char **argv) {
  static app a;
  const char *frames = "0", *screenshot = NULL, *cities = "examples/data/cities.csv";
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--frames") && i + 1 < argc) frames = argv[++i];
    else if (!strcmp(argv[i], "--screenshot") && i + 1 < argc) screenshot = argv[++i];
    else cities = argv[i];
  }
  char *csv = SDL_LoadFile(cities, NULL); /* with a NUL at its end */
  if (frames[strspn(frames, "0123456789")]) fail(&a, "frames", "not a number");
  else if (!csv) fail(&a, cities, "cannot be read");
  else if (!open_window(&a)) fail(&a, "window", SDL_GetError());
  else open_database(&a);
  if (!a.failed) {
    a.at = csv + strcspn(csv, "\n"); /* behind the names of the columns */
    a.at += *a.at == '\n';
    paint_sea(&a);
    run_frames(&a, strtoull(frames, NULL, 10));
    print_statistics(&a);
    if (screenshot) take_screenshot(&a, screenshot);
  }
  close_database(&a);
  close_window(&a);
  SDL_free(csv);
  return a.failed;
}
