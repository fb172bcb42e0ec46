package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// Longer than an election, so that most requests outlive one.
	patience = 5 * time.Second
	// After a request that failed, so that a dead cluster makes no endless history.
	pause = 100 * time.Millisecond
)

// load goes on whatever the cluster answers; it ends well when stdin does.
func load(arguments []string) (any, error) {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	target := clusterFlags(flags)
	path := flags.String("history", "", "file to append to")
	prefix := flags.String("prefix", "", "of all keys")
	clients := flags.Int("clients", 8, "requests at the same time, each on a connection of its own")
	rate := flags.Float64("rate", 200, "requests a second of all clients together; 0: all they can")
	shared := flags.Int("keys", 8, "shared keys; 0: nothing but keys of their own")
	size := flags.Int("size", 64, "bytes of a value")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	journal, err := openJournal(*path)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	start := time.Now()
	var interval time.Duration
	if *rate > 0 {
		interval = time.Duration(float64(*clients) / *rate * float64(time.Second))
	}
	failed := make(chan error, *clients)
	var running sync.WaitGroup
	for number := range *clients {
		connection, err := target.connect()
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		one := &client{
			number: number, prefix: *prefix, shared: *shared, size: *size, start: start,
			etcd: connection, journal: journal, seen: map[string]string{},
		}
		running.Go(func() {
			// Spread, so that they are not all at once for ever.
			rest(ctx, interval*time.Duration(number)/time.Duration(*clients))
			failed <- one.run(ctx, interval)
		})
	}
	running.Wait()
	for range *clients {
		if err := <-failed; err != nil {
			return nil, err
		}
	}
	return map[string]float64{"seconds": time.Since(start).Seconds()}, nil
}

type client struct {
	number       int
	prefix       string
	shared, size int
	start        time.Time
	etcd         *clientv3.Client
	journal      *journal
	made         int
	// By key, what this client has read or written last: what its next cas expects.
	seen map[string]string
}

func (c *client) run(ctx context.Context, interval time.Duration) error {
	for next := time.Now(); ctx.Err() == nil; next = next.Add(interval) {
		rest(ctx, time.Until(next))
		if ctx.Err() != nil {
			return nil
		}
		one := c.invent()
		one.Call = c.now()
		err := c.send(&one)
		one.Return = c.now()
		one.Acknowledged = err == nil
		if err != nil {
			one.Error = err.Error()
			rest(ctx, pause)
		}
		if err := c.journal.append(one); err != nil {
			return err
		}
		if late := time.Until(next.Add(interval)); late < 0 {
			// No burst to catch up with what an outage kept from being sent.
			next = time.Now().Add(-interval)
		}
	}
	return nil
}

// now is of this process' monotonic clock, which nobody sets back.
func (c *client) now() int64 {
	return c.start.UnixNano() + int64(time.Since(c.start))
}

func (c *client) invent() operation {
	c.made++
	unique := fmt.Sprintf("%d-%d", c.number, c.made)
	one := operation{Client: c.number, Kind: add, Key: c.prefix + "own/" + unique, Value: unique}
	if dice := rand.IntN(10); c.shared > 0 && dice < 6 {
		one.Key = fmt.Sprintf("%sshared/%d", c.prefix, rand.IntN(c.shared))
		one.Kind = []kind{put, cas, get}[dice%3]
		one.Expected = c.seen[one.Key]
	}
	if one.Kind == get {
		one.Value = ""
	} else if padding := c.size - len(unique); padding > 0 {
		one.Value += strings.Repeat(".", padding)
	}
	if one.Kind != cas {
		one.Expected = ""
	}
	return one
}

// send fills in what was answered.
func (c *client) send(one *operation) error {
	ctx, end := context.WithTimeout(clientv3.WithRequireLeader(context.Background()), patience)
	defer end()
	switch one.Kind {
	case add, put:
		answer, err := c.etcd.Put(ctx, one.Key, one.Value)
		if err != nil {
			return err
		}
		one.Revision = answer.Header.Revision
		c.seen[one.Key] = one.Value
	case get:
		answer, err := c.etcd.Get(ctx, one.Key)
		if err != nil {
			return err
		}
		one.Revision = answer.Header.Revision
		if len(answer.Kvs) > 0 {
			one.Found = string(answer.Kvs[0].Value)
		}
		c.seen[one.Key] = one.Found
	case cas:
		condition := clientv3.Compare(clientv3.Value(one.Key), "=", one.Expected)
		if one.Expected == "" {
			condition = clientv3.Compare(clientv3.CreateRevision(one.Key), "=", 0)
		}
		transaction := c.etcd.Txn(ctx).If(condition)
		transaction = transaction.Then(clientv3.OpPut(one.Key, one.Value))
		answer, err := transaction.Else(clientv3.OpGet(one.Key)).Commit()
		if err != nil {
			return err
		}
		one.Revision, one.Swapped = answer.Header.Revision, answer.Succeeded
		c.seen[one.Key] = one.Value
		if !answer.Succeeded {
			if found := answer.Responses[0].GetResponseRange().Kvs; len(found) > 0 {
				one.Found = string(found[0].Value)
			}
			c.seen[one.Key] = one.Found
		}
	}
	return nil
}

func rest(ctx context.Context, duration time.Duration) {
	if duration <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
}
