package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// serverMark in the environment makes of this test's program the server itself.
const serverMark = "CITIES_SERVER"

const hangTime = 2 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(serverMark) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a server of this test's own, started as a user starts it. Its temporary files are below `folder`.
type process struct {
	t              *testing.T
	command        *exec.Cmd
	folder, url    string
	stdout, stderr bytes.Buffer
}

func start(t *testing.T, arguments ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangTime)
	p := &process{t: t, command: exec.CommandContext(ctx, os.Args[0], arguments...), folder: t.TempDir()}
	p.command.Env = append(os.Environ(), serverMark+"=1", "TMPDIR="+p.folder)
	p.command.Stderr = &p.stderr
	stdout, err := p.command.StdoutPipe()
	ok(t, err)
	ok(t, p.command.Start())
	t.Cleanup(func() {
		cancel()
		p.command.Wait()
	})
	line, _ := bufio.NewReader(io.TeeReader(stdout, &p.stdout)).ReadString('\n')
	p.url = strings.TrimSpace(line)
	return p
}

func serving(t *testing.T) *process {
	t.Helper()
	p := start(t, "0")
	if p.url == "" {
		p.command.Wait()
		t.Fatal(p.stderr.String())
	}
	return p
}

// stopsBy wants it to end in order: with 0, without a word, and leaving nothing behind.
func (p *process) stopsBy(signal os.Signal) {
	p.t.Helper()
	ok(p.t, p.command.Process.Signal(signal))
	if err := p.command.Wait(); err != nil || p.stderr.Len() > 0 {
		p.t.Fatalf("%v, %s", err, &p.stderr)
	}
	same(p.t, p.stdout.String(), p.url+"\n")
	p.leavesNothing()
}

func (p *process) leavesNothing() {
	p.t.Helper()
	left, err := os.ReadDir(p.folder)
	ok(p.t, err)
	if len(left) > 0 {
		p.t.Errorf("%v is left", left)
	}
}

func (p *process) ask(ctx context.Context, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+address, nil)
	ok(p.t, err)
	return http.DefaultClient.Do(request)
}

// get is what an address answers, with a status.
func (p *process) get(address string) (int, string) {
	p.t.Helper()
	response, err := p.ask(context.Background(), address)
	ok(p.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ok(p.t, err)
	return response.StatusCode, string(text)
}

// get is an answer that must come.
func get[T any](p *process, address string) (value T) {
	p.t.Helper()
	status, text := p.get(address)
	if err := json.Unmarshal([]byte(text), &value); err != nil || status != http.StatusOK {
		p.t.Fatalf("%s: %d, %s: %v", address, status, text, err)
	}
	return value
}

type statusLine struct {
	LongestPause float64
	Outstanding  outstanding
}

func (p *process) outstanding() outstanding {
	p.t.Helper()
	return get[statusLine](p, "status").Outstanding
}

type reportLine struct {
	report
	LongestPause float64
}

// begun is a report of which the first line has come: it runs. Cancelled, its client is gone.
func (p *process) begun(people int) (lines *bufio.Scanner, cancel context.CancelFunc) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.t.Cleanup(cancel)
	response, err := p.ask(ctx, fmt.Sprintf("report?people=%d", people))
	ok(p.t, err)
	p.t.Cleanup(func() { response.Body.Close() })
	same(p.t, response.StatusCode, http.StatusOK)
	lines = bufio.NewScanner(response.Body)
	if !lines.Scan() {
		p.t.Fatal("a report without a line")
	}
	return lines, cancel
}

// lastOf reads a report to its end.
func lastOf(lines *bufio.Scanner) (last reportLine, err error) {
	for isThere := true; isThere; isThere = lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			return last, err
		}
	}
	return last, lines.Err()
}

func isWhole(t *testing.T, lines *bufio.Scanner) reportLine {
	t.Helper()
	last, err := lastOf(lines)
	ok(t, err)
	same(t, last.Done, last.Total)
	return last
}

// tasks are goroutines that are waited for.
type tasks struct{ sync.WaitGroup }

func (t *tasks) Go(task func()) {
	t.Add(1)
	go func() {
		defer t.Done()
		task()
	}()
}

// until waits for a condition, as long as the tests may take.
func until(condition func() bool) {
	for !condition() {
		time.Sleep(20 * time.Millisecond)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
