package sidelite

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dsn is what a data source name says. The keys, their aliases, their values and the texts of their errors are those of
// mattn/go-sqlite3, so that a name that works there works here.
type dsn struct {
	path          string
	vfs           string
	busyTimeout   time.Duration // 0 does not wait
	cacheSize     int           // prepared statements to keep, or defaultCacheSize
	pragmas       []string      // "name=value", in the order in which they are to run
	begin         string        // how a transaction begins
	location      *time.Location
	hardened      bool
	extensions    bool
	lastResultSet bool
}

// defaultBusyTimeout is what both mattn/go-sqlite3 and the library wait for a lock.
const defaultBusyTimeout = 5 * time.Second

// defaultCacheSize is the library's own.
const defaultCacheSize = -1

// dsnError tells which key has which bad value. It is a type because its text begins as mattn/go-sqlite3's does, with a
// capital letter, and programs compare it.
type dsnError struct {
	key, value, reason string
}

func (e *dsnError) Error() string {
	return fmt.Sprintf("Invalid %s: %s%s", e.key, e.value, e.reason)
}

func expecting(key, value, kind, choices string) error {
	return &dsnError{key, value, fmt.Sprintf(", expecting %s '%s'", kind, choices)}
}

// pragmaKey is a key that stands for a PRAGMA. The last of its names that is given counts.
type pragmaKey struct {
	pragma string
	names  []string
	read   func(value string) (string, error)
}

// The order matters: auto_vacuum can only be chosen before anything is written, and a change to WAL writes.
var pragmaKeys = []pragmaKey{
	{"auto_vacuum", []string{"_auto_vacuum", "_vacuum"}, readAutoVacuum},
	booleanPragma("case_sensitive_like", "_case_sensitive_like", "_cslike"),
	booleanPragma("defer_foreign_keys", "_defer_foreign_keys", "_defer_fk"),
	booleanPragma("foreign_keys", "_foreign_keys", "_fk"),
	booleanPragma("ignore_check_constraints", "_ignore_check_constraints"),
	{"journal_mode", []string{"_journal_mode", "_journal"},
		oneOf("_journal", "DELETE TRUNCATE PERSIST MEMORY WAL OFF")},
	{"locking_mode", []string{"_locking_mode", "_locking"}, oneOf("_locking_mode", "NORMAL EXCLUSIVE")},
	booleanPragma("query_only", "_query_only"),
	booleanPragma("recursive_triggers", "_recursive_triggers", "_rt"),
	{"secure_delete", []string{"_secure_delete"}, readSecureDelete},
	{"synchronous", []string{"_synchronous", "_sync"}, oneOf("_synchronous", "0 OFF 1 NORMAL 2 FULL 3 EXTRA")},
	booleanPragma("writable_schema", "_writable_schema"),
	{"cache_size", []string{"_cache_size"}, readCacheSize},
}

// parseDSN reads a data source name. What it does not know it passes over, as SQLite does with the parameters of a URI.
func parseDSN(name string) (*dsn, error) {
	parsed := &dsn{path: name, busyTimeout: defaultBusyTimeout, cacheSize: defaultCacheSize, begin: "BEGIN"}
	// A question mark at the very beginning belongs to a file name.
	mark := strings.IndexByte(name, '?')
	if mark < 1 {
		return parsed, nil
	}
	values, err := url.ParseQuery(name[mark+1:])
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(name, "file:") {
		parsed.path = name[:mark]
	}
	parsed.vfs = values.Get("vfs")
	for _, read := range []func(*dsn, url.Values) error{
		readAuthentication, readLocation, readMutex, readTransactionLock, readBusyTimeout, readStatementCache,
		readSwitches, readPragmas,
	} {
		if err := read(parsed, values); err != nil {
			return nil, err
		}
	}
	return parsed, nil
}

// lastOf is the value of the last of several names for one key that is given; "" for none.
func lastOf(values url.Values, names ...string) string {
	value := ""
	for _, name := range names {
		if values.Has(name) {
			value = values.Get(name)
		}
	}
	return value
}

// SQLite has dropped its user authentication. What somebody believes to be guarded must not be opened without it.
func readAuthentication(_ *dsn, values url.Values) error {
	for _, key := range []string{"_auth", "_auth_user", "_auth_pass", "_auth_crypt", "_auth_salt"} {
		if values.Has(key) {
			return &dsnError{key, values.Get(key), ": SQLite has no user authentication"}
		}
	}
	return nil
}

func readLocation(parsed *dsn, values url.Values) error {
	value := values.Get("_loc")
	switch strings.ToLower(value) {
	case "":
		return nil
	case "auto":
		parsed.location = time.Local
		return nil
	}
	location, err := time.LoadLocation(value)
	if err != nil {
		return &dsnError{"_loc", value, ": " + err.Error()}
	}
	parsed.location = location
	return nil
}

// A connection has a thread of its own: its mutex is nothing that one could choose. The key is checked all the same.
func readMutex(_ *dsn, values url.Values) error {
	value := values.Get("_mutex")
	switch strings.ToLower(value) {
	case "", "no", "full":
		return nil
	}
	return &dsnError{"_mutex", value, ""}
}

func readTransactionLock(parsed *dsn, values url.Values) error {
	value := values.Get("_txlock")
	switch strings.ToLower(value) {
	case "", "deferred":
	case "immediate":
		parsed.begin = "BEGIN IMMEDIATE"
	case "exclusive":
		parsed.begin = "BEGIN EXCLUSIVE"
	default:
		return &dsnError{"_txlock", value, ""}
	}
	return nil
}

// SQLite takes a negative timeout for none.
func readBusyTimeout(parsed *dsn, values url.Values) error {
	value := lastOf(values, "_busy_timeout", "_timeout")
	if value == "" {
		return nil
	}
	milliseconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return &dsnError{"_busy_timeout", value, ": " + err.Error()}
	}
	parsed.busyTimeout = time.Duration(min(max(milliseconds, 0), math.MaxInt32)) * time.Millisecond
	return nil
}

func readStatementCache(parsed *dsn, values url.Values) error {
	value := values.Get("_stmt_cache_size")
	if value == "" {
		return nil
	}
	size, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return &dsnError{"_stmt_cache_size", value, ": " + err.Error()}
	case size < 0:
		return &dsnError{"_stmt_cache_size", value, ", expecting non-negative integer"}
	}
	parsed.cacheSize = size
	return nil
}

// What only this driver has.
func readSwitches(parsed *dsn, values url.Values) error {
	for key, target := range map[string]*bool{
		"_hardened":        &parsed.hardened,
		"_extensions":      &parsed.extensions,
		"_last_result_set": &parsed.lastResultSet,
	} {
		value := values.Get(key)
		if value == "" {
			continue
		}
		digit, err := readBoolean(key, value)
		if err != nil {
			return err
		}
		*target = digit == "1"
	}
	return nil
}

// WAL comes with synchronous NORMAL unless the name says otherwise: that is what the pair is made for.
func readPragmas(parsed *dsn, values url.Values) error {
	for _, key := range pragmaKeys {
		value := lastOf(values, key.names...)
		if value == "" {
			if key.pragma == "synchronous" && slices.Contains(parsed.pragmas, "journal_mode=WAL") {
				parsed.pragmas = append(parsed.pragmas, "synchronous=NORMAL")
			}
			continue
		}
		read, err := key.read(value)
		if err != nil {
			return err
		}
		parsed.pragmas = append(parsed.pragmas, key.pragma+"="+read)
	}
	return nil
}

const booleans = "0 1 false true no yes off on"

func readBoolean(key, value string) (string, error) {
	switch strings.ToLower(value) {
	case "0", "no", "false", "off":
		return "0", nil
	case "1", "yes", "true", "on":
		return "1", nil
	}
	return "", expecting(key, value, "boolean value of", booleans)
}

func booleanPragma(pragma string, names ...string) pragmaKey {
	read := func(value string) (string, error) { return readBoolean(names[0], value) }
	return pragmaKey{pragma, names, read}
}

// oneOf reads one of several words, whose case does not matter.
func oneOf(key, words string) func(string) (string, error) {
	choices := strings.Fields(words)
	return func(value string) (string, error) {
		word := strings.ToUpper(value)
		if !slices.Contains(choices, word) {
			return "", expecting(key, value, "value of", words)
		}
		return word, nil
	}
}

func readAutoVacuum(value string) (string, error) {
	switch strings.ToLower(value) {
	case "0", "none":
		return "0", nil
	case "1", "full":
		return "1", nil
	case "2", "incremental":
		return "2", nil
	}
	return "", expecting("_auto_vacuum", value, "value of", "0 NONE 1 FULL 2 INCREMENTAL")
}

func readSecureDelete(value string) (string, error) {
	if strings.EqualFold(value, "fast") {
		return "FAST", nil
	}
	digit, err := readBoolean("_secure_delete", value)
	if err != nil {
		return "", expecting("_secure_delete", value, "boolean value of", booleans+" fast")
	}
	return digit, nil
}

func readCacheSize(value string) (string, error) {
	size, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", &dsnError{"_cache_size", value, ": " + err.Error()}
	}
	return strconv.FormatInt(size, 10), nil
}
