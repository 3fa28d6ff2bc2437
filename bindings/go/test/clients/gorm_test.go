package clients

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

type author struct {
	ID        uint
	CreatedAt time.Time
	Name      string `gorm:"uniqueIndex;size:40"`
	Born      *time.Time
	IsAlive   bool
	Rating    float64
	Picture   []byte
	Books     []book `gorm:"constraint:OnDelete:CASCADE"`
}

type book struct {
	gorm.Model
	Title    string `gorm:"not null"`
	AuthorID uint
}

// openGorm opens gorm's own dialector for SQLite with our driver under it.
func openGorm(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.New(sqlite.Config{
		DriverName: ours,
		DSN:        filepath.Join(t.TempDir(), "gorm.db") + "?_foreign_keys=1&_busy_timeout=10000",
	}), &gorm.Config{TranslateError: true, Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { must(t, pool.Close()) })
	must(t, db.AutoMigrate(&author{}, &book{}))
	return db
}

func TestGormWritesAndReads(t *testing.T) {
	db := openGorm(t)
	born := time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)
	ada := author{Name: "ada", Born: &born, IsAlive: true, Rating: 4.5, Picture: []byte{0, 1, 255},
		Books: []book{{Title: "notes"}, {Title: "letters"}}}
	must(t, db.Create(&ada).Error)
	var read author
	must(t, db.Preload("Books").First(&read, "name = ?", "ada").Error)
	if !read.Born.Equal(born) || !read.IsAlive || read.Rating != 4.5 || string(read.Picture) != "\x00\x01\xff" ||
		!read.CreatedAt.Equal(ada.CreatedAt) || len(read.Books) != 2 || read.Books[1].Title != "letters" {
		t.Errorf("read %+v", read)
	}
	must(t, db.Model(&read).Updates(map[string]any{"rating": 5, "is_alive": false}).Error)
	must(t, db.Where("title = ?", "notes").Delete(&book{}).Error)
	var titles []string
	must(t, db.Model(&book{}).Order("title").Pluck("title", &titles).Error)
	equal(t, titles, []string{"letters"})
	var deleted int64
	must(t, db.Unscoped().Model(&book{}).Where("deleted_at IS NOT NULL").Count(&deleted).Error)
	equal(t, deleted, int64(1))
}

func TestGormTranslatesErrors(t *testing.T) {
	db := openGorm(t)
	must(t, db.Create(&author{Name: "ada"}).Error)
	if err := db.Create(&author{Name: "ada"}).Error; !errors.Is(err, gorm.ErrDuplicatedKey) {
		t.Errorf("a second ada: %v", err)
	}
	if err := db.Create(&book{Title: "x", AuthorID: 99}).Error; !errors.Is(err, gorm.ErrForeignKeyViolated) {
		t.Errorf("nobody's book: %v", err)
	}
	if err := db.First(&author{}, 99).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

func TestGormTransactions(t *testing.T) {
	db := openGorm(t)
	failure := errors.New("no")
	err := db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Create(&author{Name: "lost"}).Error)
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("the transaction ended with %v", err)
	}
	must(t, db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Create(&author{Name: "kept"}).Error)
		inner := tx.Transaction(func(nested *gorm.DB) error {
			must(t, nested.Create(&author{Name: "undone"}).Error)
			return failure
		})
		if !errors.Is(inner, failure) {
			return fmt.Errorf("the inner transaction ended with %v", inner)
		}
		return nil
	}))
	var names []string
	must(t, db.Model(&author{}).Pluck("name", &names).Error)
	equal(t, names, []string{"kept"})
}

func TestGormBatchesAndConflicts(t *testing.T) {
	db := openGorm(t)
	authors := make([]author, 500)
	for i := range authors {
		authors[i] = author{Name: fmt.Sprintf("author %d", i), Rating: float64(i)}
	}
	must(t, db.CreateInBatches(authors, 100).Error)
	equal(t, authors[499].ID, uint(500))
	again := author{Name: "author 7", Rating: -1}
	must(t, db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"rating"}),
	}).Create(&again).Error)
	var found []author
	must(t, db.Where("rating < ?", 0).Find(&found).Error)
	if len(found) != 1 || found[0].Name != "author 7" {
		t.Errorf("found %+v", found)
	}
	total := 0
	must(t, db.FindInBatches(&found, 128, func(tx *gorm.DB, batch int) error {
		total += len(found)
		return nil
	}).Error)
	equal(t, total, 500)
}

func TestGormMigratesAgain(t *testing.T) {
	type author struct {
		ID    uint
		Name  string `gorm:"size:80"`
		Email string `gorm:"index"`
	}
	db := openGorm(t)
	must(t, db.Exec("INSERT INTO authors(name) VALUES ('ada')").Error)
	must(t, db.AutoMigrate(&author{}))
	must(t, db.Migrator().DropColumn(&author{}, "rating"))
	columns, err := db.Migrator().ColumnTypes(&author{})
	must(t, err)
	names := map[string]string{}
	for _, column := range columns {
		names[column.Name()] = column.DatabaseTypeName()
	}
	equal(t, names["email"], "text")
	if _, has := names["rating"]; has {
		t.Error("the column is still there")
	}
	var name string
	must(t, db.Model(&author{}).Select("name").Take(&name).Error)
	equal(t, name, "ada")
}

func TestGormCancels(t *testing.T) {
	db := openGorm(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var count int64
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	err := db.WithContext(ctx).Raw(endless).Scan(&count).Error
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an endless query ended with %v", err)
	}
	must(t, db.Create(&author{Name: "after"}).Error)
}
