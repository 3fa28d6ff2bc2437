package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	sidelite "github.com/sidelite/sidelite/bindings/go"
)

const (
	foundMax     = 8
	loneliestMax = 12
	lineCities   = 100 // between two lines of a report
)

// What may run at a time. Small requests wait for a connection; reports, which take long, are refused.
const (
	reportsMax = 4
	smallMax   = 4
	smallTime  = 5 * time.Second
	reportTime = 10 * time.Minute // also of a client that reads nothing of it
)

const schema = `
  CREATE TABLE country(code TEXT PRIMARY KEY, name TEXT, continent TEXT, capital TEXT, population INTEGER,
    currency TEXT, languages TEXT) STRICT;
  CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, latitude REAL, longitude REAL, country TEXT REFERENCES country,
    admin1 TEXT, population INTEGER, timezone TEXT) STRICT;
  CREATE VIRTUAL TABLE city_search USING fts5(name, content = 'city', content_rowid = 'id', prefix = '1 2 3',
    tokenize = 'unicode61 remove_diacritics 2')`

const randomCity = `
  SELECT city.name, country.name, city.population FROM city JOIN country ON country.code = city.country
  WHERE city.id >= ? * (SELECT max(id) FROM city) ORDER BY city.id LIMIT 1`

const searchCities = `
  SELECT city.name, country.name, city.population
  FROM city_search(?) AS hit JOIN city ON city.id = hit.rowid JOIN country ON country.code = city.country
  ORDER BY city.population DESC LIMIT ?`

const countLarge = "SELECT count(*) FROM city WHERE population >= ?"

// Each city of a size with the next one of that size. Points on a sphere of radius 1 are the nearer, the larger their
// scalar product is: no index helps, and every pair is compared.
const neighbours = `
  WITH large AS MATERIALIZED (
    SELECT id, name, country, population, sin(radians(latitude)) AS z,
      cos(radians(latitude)) * cos(radians(longitude)) AS x, cos(radians(latitude)) * sin(radians(longitude)) AS y
    FROM city WHERE population >= ?
  ), pair AS (
    SELECT id, (SELECT id FROM large AS other WHERE other.id <> one.id
                ORDER BY one.x * other.x + one.y * other.y + one.z * other.z DESC LIMIT 1) AS next
    FROM large AS one
  )
  SELECT one.name, country.name, one.population, other.name,
    6371 * acos(min(1, one.x * other.x + one.y * other.y + one.z * other.z))
  FROM pair JOIN large AS one ON one.id = pair.id JOIN large AS other ON other.id = pair.next
    JOIN country ON country.code = one.country`

type city struct {
	Name       string `json:"name"`
	Country    string `json:"country"`
	Population int64  `json:"population"`
}

type lonelyCity struct {
	city
	Neighbour string  `json:"neighbour"`
	Km        float64 `json:"km"`
}

// report is how far one has come, and the cities that are farthest from the next one, of those so far.
type report struct {
	Done      int          `json:"done"`
	Total     int          `json:"total"`
	Loneliest []lonelyCity `json:"loneliest"`
}

// cities is the database, imported into a temporary file, and what is asked of it. The ends of contexts cancel exactly
// what they were given to.
type cities struct {
	folder  string
	db      *sql.DB
	reports chan struct{} // one for each that runs
}

var errTooMany = errors.New("too many reports")

func openCities(ctx context.Context, examples string) (*cities, error) {
	folder, err := os.MkdirTemp("", "sidelite-cities-")
	if err != nil {
		return nil, err
	}
	// In the write-ahead log's mode, readers go on while something is written.
	name := url.URL{
		Scheme:   "file",
		Path:     filepath.Join(folder, "cities.db"),
		RawQuery: "_journal_mode=WAL&_hardened=1",
	}
	db, err := sql.Open("sidelite", name.String())
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	db.SetMaxOpenConns(reportsMax + smallMax)
	db.SetMaxIdleConns(reportsMax + smallMax)
	c := &cities{folder, db, make(chan struct{}, reportsMax)}
	if err := c.load(ctx, filepath.Join(examples, "data")); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *cities) close() error { return errors.Join(c.db.Close(), os.RemoveAll(c.folder)) }

// load imports all in one transaction.
func (c *cities) load(ctx context.Context, data string) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	if err := load(ctx, tx, "country", filepath.Join(data, "countries.csv")); err != nil {
		return err
	}
	if err := load(ctx, tx, "city", filepath.Join(data, "cities.csv")); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO city_search(city_search) VALUES ('rebuild')"); err != nil {
		return err
	}
	return tx.Commit()
}

// load fills a table with the records of a file, all in one hop. All values go in as text: the columns make numbers of
// them, and STRICT refuses what is none.
func load(ctx context.Context, tx *sql.Tx, table, path string) error {
	rows, err := records(path)
	if err != nil {
		return err
	}
	marks := strings.Repeat("?, ", len(rows[0])-1) + "?"
	_, err = tx.ExecContext(ctx, "INSERT INTO "+table+" VALUES ("+marks+")", sidelite.Many(rows))
	return err
}

// records are those of a CSV file, below the names of the columns. An empty field is NULL.
func records(path string) ([][]any, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("%s: no records", path)
	}
	rows := make([][]any, len(lines)-1)
	for i, line := range lines[1:] {
		rows[i] = make([]any, len(line))
		for column, field := range line {
			if field != "" {
				rows[i][column] = field
			}
		}
	}
	return rows, nil
}

func (c *cities) random(ctx context.Context) (found city, err error) {
	ctx, cancel := context.WithTimeout(ctx, smallTime)
	defer cancel()
	row := c.db.QueryRowContext(ctx, randomCity, rand.Float64())
	return found, row.Scan(&found.Name, &found.Country, &found.Population)
}

var word = regexp.MustCompile(`[\p{L}\p{M}\p{N}]+`)

// search finds the largest cities in whose name each word of the text is the beginning of one.
func (c *cities) search(ctx context.Context, text string) ([]city, error) {
	all := []city{}
	words := word.FindAllString(text, -1)
	if words == nil {
		return all, nil
	}
	ctx, cancel := context.WithTimeout(ctx, smallTime)
	defer cancel()
	rows, err := c.db.QueryContext(ctx, searchCities, `"`+strings.Join(words, `"* "`)+`"*`, foundMax)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var found city
		if err := rows.Scan(&found.Name, &found.Country, &found.Population); err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	return all, rows.Err()
}

// report looks for the cities that are farthest from the next one of at least so many people, and tells again and again
// how far it is. The query goes on as its rows are taken, and ends when `tell` fails.
func (c *cities) report(ctx context.Context, people int, tell func(report) error) error {
	select {
	case c.reports <- struct{}{}:
		defer func() { <-c.reports }()
	default:
		return errTooMany
	}
	var r report
	if err := c.db.QueryRowContext(ctx, countLarge, people).Scan(&r.Total); err != nil {
		return err
	}
	rows, err := c.db.QueryContext(ctx, neighbours, people)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var one lonelyCity
		if err := rows.Scan(&one.Name, &one.Country, &one.Population, &one.Neighbour, &one.Km); err != nil {
			return err
		}
		r.add(one)
		if r.Done%lineCities != 0 && r.Done != r.Total {
			continue
		}
		if err := tell(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *report) add(one lonelyCity) {
	r.Done++
	r.Loneliest = append(r.Loneliest, one)
	slices.SortStableFunc(r.Loneliest, func(a, b lonelyCity) int { return cmp.Compare(b.Km, a.Km) })
	r.Loneliest = r.Loneliest[:min(len(r.Loneliest), loneliestMax)]
}

// outstanding is what is being asked of the database now.
type outstanding struct {
	Small   int `json:"small"`
	Reports int `json:"reports"`
}

func (c *cities) outstanding() outstanding {
	reports := len(c.reports)
	return outstanding{max(0, c.db.Stats().InUse-reports), reports}
}
