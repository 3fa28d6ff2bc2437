package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// server has the routes of examples/node, and its page.
type server struct {
	running context.Context // ends when the server is stopped
	cities  *cities
	pauses  *pauses
	mux     *http.ServeMux
}

// refusal is an answer other than 200. Whatever else fails is a defect of the server.
type refusal struct {
	status  int
	message string
}

func (r refusal) Error() string { return r.message }

func newServer(ctx context.Context, cities *cities, examples string) (*server, error) {
	s := &server{running: ctx, cities: cities, pauses: watchPauses(ctx), mux: http.NewServeMux()}
	for name, kind := range map[string]string{"index.html": "html", "page.css": "css", "page.js": "javascript"} {
		text, err := os.ReadFile(filepath.Join(examples, "node", "page", name))
		if err != nil {
			return nil, err
		}
		s.mux.Handle(routeOf(name), page(kind, ofThisServer.Replace(string(text))))
	}
	s.mux.Handle("/random", answering(s.random))
	s.mux.Handle("/search", answering(s.search))
	s.mux.Handle("/status", answering(s.status))
	s.mux.HandleFunc("/report", s.report)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, refusal{http.StatusNotFound, "no " + r.URL.Path})
	})
	return s, nil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", http.MethodGet)
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet {
		refuse(w, refusal{http.StatusMethodNotAllowed, "no " + r.Method})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// ---- The page ----

// What the page says of the inside of its server.
var ofThisServer = strings.NewReplacer(
	"One thread answers", "One program answers",
	"longest pause of the server’s loop", "longest pause of a goroutine",
	"the loop’s longest pause", "the longest pause of a goroutine",
)

func routeOf(name string) string {
	if name == "index.html" {
		return "/{$}"
	}
	return "/" + name
}

func page(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/"+kind+"; charset=utf-8")
		fmt.Fprint(w, text)
	}
}

// ---- Queries ----

func (s *server) random(ctx context.Context, _ url.Values) (any, error) { return s.cities.random(ctx) }

func (s *server) search(ctx context.Context, query url.Values) (any, error) {
	text, err := textOf(query, "q", 100)
	if err != nil {
		return nil, err
	}
	return s.cities.search(ctx, text)
}

func (s *server) status(context.Context, url.Values) (any, error) {
	return struct {
		LongestPause milliseconds `json:"longestPause"`
		Outstanding  outstanding  `json:"outstanding"`
	}{s.pauses.longest(), s.cities.outstanding()}, nil
}

// answering gives a value as JSON. The request's context ends when the client is gone: a browser drops a search when
// the next key is hit, which cancels exactly its query.
func answering(ask func(context.Context, url.Values) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query, err := queryOf(r)
		if err != nil {
			refuse(w, err)
			return
		}
		value, err := ask(r.Context(), query)
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, http.StatusOK, value)
	}
}

// report answers with a line of JSON for each hundred of cities, no faster than the client takes them.
func (s *server) report(w http.ResponseWriter, r *http.Request) {
	query, err := queryOf(r)
	if err != nil {
		refuse(w, err)
		return
	}
	people, err := numberOf(query, "people", 15_000, 1_000_000)
	if err != nil {
		refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), reportTime)
	defer cancel()
	defer context.AfterFunc(s.running, cancel)()
	lines := newLines(w)
	pauses := watchPauses(ctx)
	err = s.cities.report(ctx, people, func(r report) error {
		return lines.write(struct {
			report
			LongestPause milliseconds `json:"longestPause"`
		}{r, pauses.longest()})
	})
	switch {
	case err == nil:
	case lines.hasBegun:
		// The connection breaks off, so that nobody takes a part for the whole.
		panic(http.ErrAbortHandler)
	default:
		refuse(w, err)
	}
}

// ---- Parameters ----

func queryOf(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refusal{http.StatusBadRequest, err.Error()}
	}
	return query, nil
}

func textOf(query url.Values, name string, most int) (string, error) {
	values := query[name]
	if len(values) != 1 || values[0] == "" || utf8.RuneCountInString(values[0]) > most {
		return "", refusal{http.StatusBadRequest, fmt.Sprintf("%s: once, from 1 to %d characters", name, most)}
	}
	return values[0], nil
}

func numberOf(query url.Values, name string, least, most int) (int, error) {
	text, err := textOf(query, name, 20)
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil || int(number) < least || int(number) > most {
		message := fmt.Sprintf("%s: a whole number from %d to %d", name, least, most)
		return 0, refusal{http.StatusBadRequest, message}
	}
	return int(number), nil
}

// ---- Answers ----

func answer(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Fails when the client is gone, which nobody needs to know.
	w.Write(text)
}

func refuse(w http.ResponseWriter, err error) {
	refused := refusalOf(err)
	if refused.status == http.StatusInternalServerError {
		log.Print(err)
	}
	answer(w, refused.status, map[string]string{"error": refused.message})
}

func refusalOf(err error) refusal {
	var refused refusal
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, errTooMany):
		return refusal{http.StatusServiceUnavailable, "too much is being asked: come again"}
	case errors.Is(err, context.DeadlineExceeded):
		return refusal{http.StatusGatewayTimeout, "it takes too long"}
	case errors.Is(err, context.Canceled): // or the client is gone, and does not read it
		return refusal{http.StatusServiceUnavailable, "the server is being stopped"}
	}
	return refusal{http.StatusInternalServerError, "a defect of the server"}
}

// lines are values of JSON, each of which is sent at once. What fails before the first one still has a status.
type lines struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	encoder  *json.Encoder
	hasBegun bool
}

func newLines(w http.ResponseWriter) *lines {
	return &lines{w: w, control: http.NewResponseController(w), encoder: json.NewEncoder(w)}
}

func (l *lines) write(value any) error {
	if !l.hasBegun {
		l.hasBegun = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		if err := l.control.SetWriteDeadline(time.Now().Add(reportTime)); err != nil {
			return err
		}
	}
	if err := l.encoder.Encode(value); err != nil {
		return err
	}
	return l.control.Flush()
}
