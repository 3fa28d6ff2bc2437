package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func names(cities []city) string {
	var all []string
	for _, city := range cities {
		all = append(all, city.Name)
	}
	return strings.Join(all, ", ")
}

// ---- Answers ----

func Test_a_search_finds_what_begins_so(t *testing.T) {
	p := serving(t)
	_, text := p.get("search?q=franc+san+mac")
	same(t, text, `[{"name":"San Francisco de Macorís","country":"Dominican Republic","population":124763}]`)
	same(t, get[[]city](p, "search?q=san+franc")[0], city{"San Francisco", "United States", 827526})
	_, text = p.get("search?q=qqqq")
	same(t, text, "[]")
	p.stopsBy(syscall.SIGTERM)
}

func Test_a_search_folds_accents_and_case(t *testing.T) {
	p := serving(t)
	first := get[[]city](p, "search?q=%C3%96rebro")
	same(t, first[0].Name, "Örebro")
	for _, text := range []string{"orebro", "OREB", "O%CC%88rebro"} {
		same(t, names(get[[]city](p, "search?q="+text)), names(first))
	}
	largest := get[[]city](p, "search?q=s")
	same(t, len(largest), foundMax)
	if !slices.IsSortedFunc(largest, func(a, b city) int { return cmp.Compare(b.Population, a.Population) }) {
		t.Error(largest)
	}
}

func Test_a_search_for_what_full_text_search_would_read_as_its_own(t *testing.T) {
	p := serving(t)
	for _, text := range []string{
		`"`, "'", "*", "NOT", "AND OR", "name:x", "^a", "(", `a" OR "b`, "\x00", "\xff", "💚", " ",
	} {
		get[[]city](p, "search?q="+url.QueryEscape(text))
	}
	same(t, len(get[[]city](p, "search?q=%22")), 0)
	same(t, names(get[[]city](p, "search?q=a%22%20OR%20%22b")), names(get[[]city](p, "search?q=a+or+b")))
}

func Test_a_city_at_random(t *testing.T) {
	p := serving(t)
	seen := map[string]bool{}
	for range 50 {
		seen[get[city](p, "random").Name] = true
	}
	if len(seen) <= 10 {
		t.Error(seen)
	}
}

type point struct {
	name        string
	phi, lambda float64
}

func (p point) km(q point) float64 {
	haversine := func(x float64) float64 { return math.Pow(math.Sin(x/2), 2) }
	return 2 * 6371 * math.Asin(math.Sqrt(
		haversine(p.phi-q.phi)+math.Cos(p.phi)*math.Cos(q.phi)*haversine(p.lambda-q.lambda)))
}

func pointsOf(t *testing.T, people int) (points []point) {
	rows, err := records("../data/cities.csv")
	ok(t, err)
	number := func(value any) float64 {
		number, err := strconv.ParseFloat(value.(string), 64)
		ok(t, err)
		return number
	}
	for _, row := range rows {
		if number(row[6]) >= float64(people) {
			points = append(points, point{row[1].(string), number(row[2]) * math.Pi / 180, number(row[3]) * math.Pi / 180})
		}
	}
	return points
}

// loneliestOf is computed from the file, in another way.
func loneliestOf(points []point) []string {
	var all []lonelyCity
	for i, one := range points {
		nearest := lonelyCity{city{Name: one.name}, "", math.Inf(1)}
		for j, other := range points {
			if km := one.km(other); i != j && km < nearest.Km {
				nearest.Neighbour, nearest.Km = other.name, km
			}
		}
		all = append(all, nearest)
	}
	slices.SortFunc(all, func(a, b lonelyCity) int { return cmp.Compare(b.Km, a.Km) })
	return told(all[:loneliestMax])
}

func told(cities []lonelyCity) (all []string) {
	for _, one := range cities {
		all = append(all, fmt.Sprintf("%s: %s %.3f", one.Name, one.Neighbour, one.Km))
	}
	return all
}

func Test_a_report_is_right(t *testing.T) {
	p := serving(t)
	lines, _ := p.begun(1_000_000)
	last := isWhole(t, lines)
	points := pointsOf(t, 1_000_000)
	same(t, last.Total, len(points))
	if got, want := told(last.Loneliest), loneliestOf(points); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func Test_the_page_speaks_of_this_server(t *testing.T) {
	p := serving(t)
	for address, kind := range map[string]string{"": "html", "page.css": "css", "page.js": "javascript"} {
		response, err := p.ask(context.Background(), address)
		ok(t, err)
		text, err := io.ReadAll(response.Body)
		ok(t, err)
		same(t, response.Header.Get("Content-Type"), "text/"+kind+"; charset=utf-8")
		for _, word := range []string{"JavaScript", "loop"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s: %s", address, word)
			}
		}
	}
}

// ---- What cannot be answered ----

func Test_bad_input_is_refused_with_a_reason(t *testing.T) {
	p := serving(t)
	refused := map[int][]string{
		http.StatusBadRequest: {
			"search", "search?q=", "search?q=" + strings.Repeat("ä", 101), "search?q=a&q=b", "search?Q=a", "search?q=%zz",
			"search?q=a;b", "report",
		},
		http.StatusNotFound: {"nothing", "page", "page/page.js", "index.html", "..%2fserver.go", "search/", "%00"},
	}
	for _, people := range []string{
		"", "x", "1", "14999", "1000001", "1e5", "-100000", "+100000", "100000.5", "%00", strings.Repeat("9", 20),
	} {
		refused[http.StatusBadRequest] = append(refused[http.StatusBadRequest], "report?people="+people)
	}
	for want, addresses := range refused {
		for _, address := range addresses {
			status, text := p.get(address)
			var body struct{ Error string }
			if err := json.Unmarshal([]byte(text), &body); err != nil || status != want || body.Error == "" {
				t.Errorf("%q: %d, %s", address, status, text)
			}
		}
	}
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
		request, err := http.NewRequest(method, p.url+"search?q=a", strings.NewReader(strings.Repeat("x", 1e6)))
		ok(t, err)
		response, err := http.DefaultClient.Do(request)
		ok(t, err)
		response.Body.Close()
		same(t, response.StatusCode, http.StatusMethodNotAllowed)
		same(t, response.Header.Get("Allow"), "GET")
	}
	get[city](p, "random")
	p.stopsBy(syscall.SIGTERM)
}

// ---- It goes on ----

func Test_small_requests_are_answered_while_a_report_runs(t *testing.T) {
	p := serving(t)
	lines, _ := p.begun(100_000)
	done := make(chan reportLine)
	go func() {
		last, _ := lastOf(lines)
		done <- last
	}()
	for answered := 0; ; answered += 2 {
		select {
		case last := <-done:
			same(t, last.Done, last.Total)
			if last.Total == 0 || answered < 20 {
				t.Errorf("%d of %d cities, %d answers", last.Done, last.Total, answered)
			}
			t.Logf("measured: %d answers, the longest pause of a goroutine was %.1f ms", answered, last.LongestPause)
			return
		default:
			get[city](p, "random")
			get[[]city](p, "search?q=new+y")
		}
	}
}

// The report that is dropped would take minutes.
func Test_a_dropped_report_is_cancelled_and_its_neighbour_is_not(t *testing.T) {
	p := serving(t)
	neighbour, _ := p.begun(100_000)
	_, drop := p.begun(15_000)
	same(t, p.outstanding().Reports, 2)
	drop()
	isWhole(t, neighbour)
	until(func() bool { return p.outstanding() == outstanding{} })
	p.stopsBy(syscall.SIGTERM)
}

func Test_the_end_of_a_context_cancels_a_search_and_no_other(t *testing.T) {
	ctx := context.Background()
	cities, err := openCities(ctx, "..")
	ok(t, err)
	defer func() { ok(t, cities.close()) }()
	// All its connections are busy, so that the searches wait.
	var reports tasks
	enough := errors.New("enough")
	release := make(chan struct{})
	busy := make(chan struct{}, reportsMax)
	for range reportsMax {
		reports.Go(func() {
			err := cities.report(ctx, 100_000, func(report) error {
				busy <- struct{}{}
				<-release
				return enough
			})
			if err != enough {
				t.Error(err)
			}
		})
	}
	for range reportsMax {
		<-busy
	}
	if err := cities.report(ctx, 100_000, nil); err != errTooMany {
		t.Error(err)
	}
	cities.db.SetMaxOpenConns(reportsMax)
	dropping, drop := context.WithCancel(ctx)
	var searches tasks
	for range 50 {
		searches.Go(func() {
			found, err := cities.search(ctx, "s")
			if err != nil || len(found) != foundMax {
				t.Error(found, err)
			}
		})
		searches.Go(func() {
			if _, err := cities.search(dropping, "s"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	drop()
	close(release)
	searches.Wait()
	reports.Wait()
	same(t, cities.outstanding(), outstanding{})
}

func Test_dropped_searches_leave_the_others_alone(t *testing.T) {
	p := serving(t)
	var searches tasks
	for i := range 200 {
		searches.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%2 == 1 {
				go cancel()
				if response, err := p.ask(ctx, "search?q=s"); err == nil {
					response.Body.Close()
				}
				return
			}
			status, text := p.get("search?q=s")
			if status != http.StatusOK || strings.Count(text, "name") != foundMax {
				t.Error(status, text)
			}
		})
	}
	searches.Wait()
	until(func() bool { return p.outstanding() == outstanding{} })
	p.stopsBy(syscall.SIGTERM)
}

func Test_too_many_reports_are_refused(t *testing.T) {
	p := serving(t)
	var drop context.CancelFunc
	for range reportsMax {
		_, drop = p.begun(50_000)
	}
	status, text := p.get("report?people=50000")
	same(t, status, http.StatusServiceUnavailable)
	same(t, text, `{"error":"too much is being asked: come again"}`)
	drop()
	until(func() bool { return p.outstanding().Reports == reportsMax-1 })
	p.begun(50_000)
	p.stopsBy(syscall.SIGTERM)
}

// ---- The end ----

func Test_it_ends_while_all_is_at_work(t *testing.T) {
	p := serving(t)
	address := strings.Trim(strings.TrimPrefix(p.url, "http://"), "/")
	for _, text := range []string{
		"", "GET /rand", "GET /random HTTP/1.1\r\nHost: a\r\n\r\n",
		// Asks for a report, and reads nothing of it.
		"GET /report?people=15000 HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		client, err := net.Dial("tcp", address)
		ok(t, err)
		defer client.Close()
		_, err = client.Write([]byte(text))
		ok(t, err)
	}
	lines, _ := p.begun(15_000)
	until(func() bool { return p.outstanding().Reports == 2 })
	var small tasks
	for range 20 {
		small.Go(func() {
			// Answered or refused: that must only come to an end.
			if response, err := p.ask(context.Background(), "random"); err == nil {
				response.Body.Close()
			}
		})
	}
	p.stopsBy(syscall.SIGTERM)
	if _, err := lastOf(lines); err == nil {
		t.Error("a part of a report looks like the whole")
	}
	small.Wait()
}

func Test_it_ends_by_the_keyboard(t *testing.T) {
	p := serving(t)
	get[city](p, "random")
	p.stopsBy(os.Interrupt)
}

func Test_it_says_why_it_cannot_begin(t *testing.T) {
	first := serving(t)
	address, err := url.Parse(first.url)
	ok(t, err)
	for reason, arguments := range map[string][]string{
		"address already in use":      {address.Port()},
		"usage":                       {"x"},
		"[PORT]":                      {"65536"},
		"[-examples FOLDER] [PORT]":   {"1", "2"},
		"countries.csv: no such file": {"-examples", t.TempDir(), "0"},
	} {
		p := start(t, arguments...)
		same(t, p.command.Wait().Error(), "exit status 1")
		text := p.stderr.String()
		if !strings.HasPrefix(text, "server: ") || strings.Count(text, "\n") != 1 || !strings.Contains(text, reason) {
			t.Errorf("%q: %s", arguments, text)
		}
		same(t, p.stdout.String(), "")
		p.leavesNothing()
	}
}
