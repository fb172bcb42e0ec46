// Etcd-load puts a load on an etcd cluster, writes down what every request was answered, and judges
// afterwards whether the cluster kept its word.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const usage = `usage: etcd-load COMMAND, each with --help
  load    concurrent requests until stdin ends; the history goes to a file
  read    reads back every key of a history, and adds that to it; prints what is lost
  check   says whether a history is linearizable
  storm   events through a kube-apiserver`

// What a command gives is printed as JSON.
var commands = map[string]func([]string) (any, error){
	"load":  load,
	"read":  read,
	"check": check,
	"storm": storm,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	result, err := commands[os.Args[1]](os.Args[2:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "etcd-load %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
