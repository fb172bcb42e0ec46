package main

import (
	"context"
	"flag"
	"sort"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	reading = time.Minute
	page    = 5000
)

// read asks the cluster for all keys of a finished load. What it finds becomes part of the history,
// so that `check` misses the last write to a key as well.
func read(arguments []string) (any, error) {
	flags := flag.NewFlagSet("read", flag.ExitOnError)
	target := clusterFlags(flags)
	path := flags.String("history", "", "file to read and to append to")
	prefix := flags.String("prefix", "", "of all keys, as given to load")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	history, err := readHistory(*path)
	if err != nil {
		return nil, err
	}
	connection, err := target.connect()
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	ctx, end := context.WithTimeout(context.Background(), reading)
	defer end()
	held, err := readAll(ctx, connection, *prefix)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(*path)
	if err != nil {
		return nil, err
	}
	acknowledged, lost := 0, []operation{}
	keys, last := map[string]struct{}{}, int64(0)
	for _, one := range history {
		keys[one.Key] = struct{}{}
		last = max(last, one.Return)
		if one.Kind == add && one.Acknowledged {
			acknowledged++
			if held[one.Key] != one.Value {
				lost = append(lost, one)
			}
		}
	}
	for key := range keys {
		// Whoever reads after the load has ended reads after all of it, whatever the clock says.
		found := operation{
			Client: -1, Kind: get, Key: key, Found: held[key],
			Call: last + 1, Return: last + 2, Acknowledged: true,
		}
		if err := journal.append(found); err != nil {
			return nil, err
		}
	}
	sort.Slice(lost, func(i, j int) bool { return lost[i].Return < lost[j].Return })
	return map[string]any{"acknowledged": acknowledged, "lost": lost}, nil
}

// readAll reads one revision, confirmed by a quorum, page by page.
func readAll(
	ctx context.Context, connection *clientv3.Client, prefix string,
) (map[string]string, error) {
	held := map[string]string{}
	options := []clientv3.OpOption{
		clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)), clientv3.WithLimit(page),
	}
	for from := prefix; ; {
		answer, err := connection.Get(ctx, from, options...)
		if err != nil {
			return nil, err
		}
		for _, pair := range answer.Kvs {
			held[string(pair.Key)] = string(pair.Value)
			from = string(pair.Key) + "\x00"
		}
		if !answer.More {
			return held, nil
		}
		options = append(options[:2:2], clientv3.WithRev(answer.Header.Revision))
	}
}
