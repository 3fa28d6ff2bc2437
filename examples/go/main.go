// A web server over 34,006 cities, on database/sql. It goes on answering while reports run for seconds, and cancels what
// its clients do not wait for any more; its page, which is that of examples/node, shows both.
//
//	cd examples/go
//	go build -tags sidelite_static -o ../../build/cities-go . && ../../build/cities-go [PORT]
//
// The port is 8080 without one; 0 is any that is free. It ends by SIGINT and SIGTERM.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const (
	graceTime   = time.Second // of clients that hold a connection when it ends
	headerTime  = 10 * time.Second
	answerTime  = 10 * time.Second
	defaultPort = "8080"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	examples := flag.String("examples", "..", "the folder of the examples, which has the data and the page")
	flag.Parse()
	port, err := portOf(flag.Args())
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	defer listener.Close()
	cities, err := openCities(ctx, *examples)
	if err != nil {
		return err
	}
	defer cities.close()
	server, err := newServer(ctx, cities, *examples)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", listener.Addr())
	return serve(ctx, listener, server)
}

func portOf(arguments []string) (string, error) {
	if len(arguments) == 0 {
		return defaultPort, nil
	}
	if _, err := strconv.ParseUint(arguments[0], 10, 16); err != nil || len(arguments) > 1 {
		return "", fmt.Errorf("usage: %s [-examples FOLDER] [PORT]", os.Args[0])
	}
	return arguments[0], nil
}

// serve answers until the context ends. What was asked is finished then, but for reports, which the same context ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTime, WriteTimeout: answerTime}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), graceTime)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close()
	}
	return nil
}
