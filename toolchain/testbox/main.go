// Testbox is what the cluster tests run in pods: one static program that
// serves, asks, resolves and sleeps, so that no image from outside is needed.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const usage = `usage: testbox COMMAND
  serve PORT [--tls-cert FILE --tls-key FILE]  web server, webhook, aggregated API
  http-listen PORT                             says back METHOD and PATH
  get URL [TIMEOUT] [--insecure] [--header 'NAME: VALUE']
  resolve NAME [TIMEOUT]
  sleep [SECONDS]                              for ever without SECONDS
  true`

var commands = map[string]func([]string) error{
	"serve":       serve,
	"http-listen": httpListen,
	"get":         get,
	"resolve":     resolve,
	"sleep":       sleep,
	"true":        func([]string) error { return nil },
}

func main() {
	// In the image, links named after commands lead here too.
	name, arguments := filepath.Base(os.Args[0]), os.Args[1:]
	if commands[name] == nil && len(arguments) > 0 {
		name, arguments = arguments[0], arguments[1:]
	}
	command := commands[name]
	if command == nil {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err := command(arguments); err != nil {
		fmt.Fprintf(os.Stderr, "testbox %s: %v\n", name, err)
		os.Exit(1)
	}
}
