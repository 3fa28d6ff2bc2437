package sidelite_test

import (
	"bytes"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func textOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	ok(t, err)
	return string(text)
}

// readmeBlock is one of code, with what it prints if a block behind it says so.
type readmeBlock struct{ code, output string }

func readmeBlocks(t *testing.T) (programs, fragments []readmeBlock) {
	t.Helper()
	pattern := regexp.MustCompile("(?s)```go\n(.*?)```(?:\n\nIt prints\n\n```text\n(.*?)```)?")
	for _, found := range pattern.FindAllStringSubmatch(textOf(t, "README.md"), -1) {
		if block := (readmeBlock{found[1], found[2]}); strings.HasPrefix(block.code, "package main\n") {
			programs = append(programs, block)
		} else {
			fragments = append(fragments, block)
		}
	}
	return programs, fragments
}

// goTool runs the go command on a file of this module, built as this test is.
func goTool(t *testing.T, arguments ...string) (stdout, stderr string) {
	t.Helper()
	info, isThere := debug.ReadBuildInfo()
	if !isThere {
		t.Fatal("a test that does not know how it was built")
	}
	command := osexec.Command("go", arguments[0])
	for _, setting := range info.Settings {
		switch setting.Key {
		case "-tags", "-race", "-asan":
			command.Args = append(command.Args, setting.Key+"="+setting.Value)
		}
	}
	command.Args = append(command.Args, arguments[1:]...)
	var out, told bytes.Buffer
	command.Stdout, command.Stderr = &out, &told
	if err := command.Run(); err != nil {
		t.Errorf("%v: %v", command.Args, err)
	}
	return out.String(), told.String()
}

func Test_readme_programs_print_what_they_say(t *testing.T) {
	programs, _ := readmeBlocks(t)
	same(t, len(programs), 2)
	for _, program := range programs {
		same(t, program.output, "Ada Lovelace, 1815\n")
		file := filepath.Join(t.TempDir(), "main.go")
		ok(t, os.WriteFile(file, []byte(program.code), 0o600))
		stdout, stderr := goTool(t, "run", file)
		same(t, stdout, program.output)
		same(t, stderr, "")
	}
}

// The others are examples, word by word, whose output go test compares: the end of the body of one, or a declaration.
func Test_readme_code_is_that_of_the_examples(t *testing.T) {
	_, fragments := readmeBlocks(t)
	if len(fragments) < 20 {
		t.Errorf("%d blocks of code", len(fragments))
	}
	examples := textOf(t, "example_test.go")
	for _, fragment := range fragments {
		body := regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(fragment.code, "\t$1") + "}\n"
		if !strings.Contains(body, "// Output:") {
			body = "\n" + fragment.code
		}
		if !strings.Contains(examples, body) {
			t.Errorf("is no example:\n%s", fragment.code)
		}
	}
}

func Test_readme_knows_the_keys_of_names(t *testing.T) {
	key := regexp.MustCompile("[\"`](_[a-z_]+)[\"`]")
	keys := func(text string) string {
		var found []string
		for _, match := range key.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(match[1], "_auth") {
				found = append(found, match[1])
			}
		}
		slices.Sort(found)
		return strings.Join(slices.Compact(found), " ")
	}
	_, table, _ := strings.Cut(textOf(t, "README.md"), "\n| key | |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	same(t, keys(table), keys(textOf(t, "dsn.go")))
}

// What stands in the column of sidelite is right for the compiler, with these names.
func Test_readme_code_for_those_who_come_from_mattn(t *testing.T) {
	_, table, _ := strings.Cut(textOf(t, "README.md"), "\n| mattn/go-sqlite3 | sidelite |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	code := regexp.MustCompile("`([^`]+\\(.*?)`")
	var calls strings.Builder
	for _, row := range strings.Split(table, "\n") {
		for _, found := range code.FindAllStringSubmatch(strings.Split(row, " | ")[1], -1) {
			fmt.Fprintln(&calls, statementOf(found[1]))
		}
	}
	if strings.Count(calls.String(), "\n") < 15 {
		t.Errorf("the table has little code:\n%s", &calls)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	ok(t, os.WriteFile(file, []byte(comingFrom+calls.String()+"}\n"), 0o600))
	_, stderr := goTool(t, "vet", file)
	same(t, stderr, "")
}

// statementOf makes a statement of code that is only an expression.
func statementOf(code string) string {
	if strings.Contains(code, "==") {
		return "_ = " + code
	}
	return code
}

const comingFrom = `package main

import (
	"context"
	"database/sql"

	sidelite "github.com/sidelite/sidelite/bindings/go"
)

func main() {
	var (
		ctx        = context.Background()
		conn       *sidelite.Conn
		target     *sidelite.Conn
		err        error
		hook       func(*sidelite.Conn) error
		initials   sidelite.Function
		newLongest func() sidelite.Aggregate
		compare    sidelite.Collation
		authorizer func(sidelite.Access) sidelite.Decision
		rules      []sidelite.Rule
		options    sidelite.FunctionOptions
		image      []byte
		path       string
	)
`
