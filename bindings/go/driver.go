package sidelite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// driverName is what sql.Open wants to hear.
const driverName = "sidelite"

func init() { sql.Register(driverName, &Driver{}) }

// Driver is the driver for database/sql, registered as "sidelite". It opens with SQLite's own defaults, as the drivers
// that it can take the place of do: `_hardened=1` in the name of a database asks for the safer ones of Open.
//
// Register another under a name of your own to prepare each connection:
//
//	sql.Register("app", &sidelite.Driver{ConnectHook: func(conn *sidelite.Conn) error { ... }})
type Driver struct {
	// Extensions are shared libraries that each connection loads.
	Extensions []string
	// ConnectHook is called with each new connection before it is used: to register functions, to attach databases.
	ConnectHook func(*Conn) error
}

var (
	_ driver.Driver        = (*Driver)(nil)
	_ driver.DriverContext = (*Driver)(nil)
	_ driver.Connector     = (*connector)(nil)
)

// Open makes one connection. The pool of database/sql uses OpenConnector, which reads the name only once.
func (d *Driver) Open(name string) (driver.Conn, error) {
	connector, err := d.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return connector.Connect(context.Background())
}

// OpenConnector reads the name of a database; README.md has the list of its keys. What is wrong in it is told by the
// first connection that is made, as sql.Open promises to open nothing.
func (d *Driver) OpenConnector(name string) (driver.Connector, error) {
	parsed, err := parseDSN(name)
	return &connector{driver: d, dsn: parsed, invalid: err}, nil
}

// NewConnector makes a connector for sql.OpenDB. `hook`, if not nil, is called with each new connection.
func NewConnector(name string, hook func(*Conn) error) (driver.Connector, error) {
	parsed, err := parseDSN(name)
	if err != nil {
		return nil, err
	}
	return &connector{driver: &Driver{ConnectHook: hook}, dsn: parsed}, nil
}

// Raw calls `use` with the native connection behind one of database/sql's, which nobody else uses meanwhile. It must
// not be closed, nor kept.
func Raw(conn *sql.Conn, use func(*Conn) error) error {
	return conn.Raw(func(raw any) error {
		of, ok := raw.(interface{ Native() *Conn })
		if !ok {
			return fmt.Errorf("sidelite: %T is no connection of this driver", raw)
		}
		return use(of.Native())
	})
}

type connector struct {
	driver  *Driver
	dsn     *dsn
	invalid error
}

func (c *connector) Driver() driver.Driver { return c.driver }

// Connect opens, and waits until the file is open: the pool wants to know.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.invalid != nil {
		return nil, c.invalid
	}
	native, err := Open(ctx, c.dsn.path, c.options())
	if err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, native); err != nil {
		native.Close()
		return nil, err
	}
	return &driverConn{native: native, dsn: c.dsn}, nil
}

func (c *connector) options() *Options {
	options := &Options{
		Plain:       !c.dsn.hardened,
		URI:         true,
		Extensions:  c.dsn.extensions || len(c.driver.Extensions) > 0,
		VFS:         c.dsn.vfs,
		BusyTimeout: c.dsn.busyTimeout,
		Pragmas:     c.dsn.pragmas,
	}
	if options.BusyTimeout == 0 {
		options.BusyTimeout = -1
	}
	switch c.dsn.cacheSize {
	case defaultCacheSize:
	case 0:
		options.StatementCache = -1
	default:
		options.StatementCache = c.dsn.cacheSize
	}
	return options
}

func (c *connector) prepare(ctx context.Context, native *Conn) error {
	for _, path := range c.driver.Extensions {
		if err := native.LoadExtension(ctx, path, ""); err != nil {
			return err
		}
	}
	if c.driver.ConnectHook == nil {
		return nil
	}
	return c.driver.ConnectHook(native)
}
