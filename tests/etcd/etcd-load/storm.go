package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// storm creates events, as thousands of nodes do in a bad moment, until stdin ends.
func storm(arguments []string) (any, error) {
	flags := flag.NewFlagSet("storm", flag.ExitOnError)
	server := flags.String("server", "", "URL of the kube-apiserver")
	pki := flags.String("pki", "", "folder of ca.crt, member.crt and member.key")
	rate := flags.Float64("rate", 1200, "events a second")
	clients := flags.Int("clients", 32, "requests at the same time")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	trust, err := clientTLS(*pki)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}
	asker := &http.Client{Transport: transport, Timeout: time.Minute}
	defer asker.CloseIdleConnections()
	ctx, end := context.WithCancel(context.Background())
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	start := time.Now()
	var next, made, refused atomic.Int64
	var sample atomic.Value
	var running sync.WaitGroup
	for range *clients {
		running.Go(func() {
			for ctx.Err() == nil {
				number := next.Add(1)
				rest(ctx, time.Until(start.Add(time.Duration(float64(number)/(*rate)*1e9))))
				if ctx.Err() != nil {
					return
				}
				if err := create(asker, *server, number); err != nil {
					refused.Add(1)
					sample.Store(err.Error())
				} else {
					made.Add(1)
				}
			}
		})
	}
	running.Wait()
	return map[string]any{
		"made": made.Load(), "refused": refused.Load(), "error": sample.Load(),
		"seconds": time.Since(start).Seconds(),
	}, nil
}

func create(asker *http.Client, server string, number int64) error {
	now := time.Now().UTC().Format(time.RFC3339)
	object := map[string]string{
		"kind": "Pod", "namespace": "default", "name": fmt.Sprintf("pod-%d", number),
		"uid": "5fcd2e2c-6b1c-4c64-9d1f-2ab1d7cfa3a1", "apiVersion": "v1",
	}
	event, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata":       map[string]string{"name": fmt.Sprintf("storm-%d", number)},
		"involvedObject": object,
		"reason":         "FailedScheduling", "type": "Warning", "count": 1,
		"message": "0/2500 nodes are available: 2000 Insufficient cpu, 500 node(s) had untolerated " +
			"taint(s). preemption: 0/2500 nodes are available: 2500 No preemption victims found.",
		"source":         map[string]string{"component": "default-scheduler"},
		"firstTimestamp": now, "lastTimestamp": now,
	})
	if err != nil {
		return err
	}
	url := server + "/api/v1/namespaces/default/events"
	answer, err := asker.Post(url, "application/json", bytes.NewReader(event))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return err
}
