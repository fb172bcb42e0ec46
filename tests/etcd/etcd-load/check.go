package main

import (
	"flag"
	"fmt"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

// A history that cannot be judged in this time is an error, not a pass.
const judging = time.Minute

// register is one key: what it holds is the state, empty while there is no such key.
var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		one := input.(operation)
		switch {
		case one.Kind == get:
			return state == one.Found, state
		case one.Kind != cas:
			return true, one.Value
		case one.writes():
			return state == one.Expected, one.Value
		default:
			return state == one.Found && state != one.Expected, state
		}
	},
}

func check(arguments []string) (any, error) {
	flags := flag.NewFlagSet("check", flag.ExitOnError)
	path := flags.String("history", "", "file to judge")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	history, err := readHistory(*path)
	if err != nil {
		return nil, err
	}
	byKey, unknown := map[string][]operation{}, 0
	for _, one := range history {
		byKey[one.Key] = append(byKey[one.Key], one)
		if !one.Acknowledged {
			unknown++
		}
	}
	illegal := []string{}
	for key, operations := range byKey {
		switch porcupine.CheckOperationsTimeout(register, certain(operations), judging) {
		case porcupine.Illegal:
			illegal = append(illegal, key)
		case porcupine.Unknown:
			return nil, fmt.Errorf("%s: not judged within %s", key, judging)
		}
	}
	sort.Strings(illegal)
	return map[string]any{
		"operations": len(history), "unknown": unknown, "keys": len(byKey), "illegal": illegal,
	}, nil
}

// certain gives the operations of one key that were done, each within the time in which it was.
//
// A request without an answer may have been done at any time since, or never. But values are
// unique. One that was never seen makes no difference to anybody, so its write is left out: it can
// always be thought of as done after all others. One that was seen has been written by then, so
// its write ends when the first who saw it does. Both keep every history as legal or illegal as it
// is, and spare the checker the search through all the ways to order what nobody knows.
func certain(history []operation) []porcupine.Operation {
	seen := firstSeen(history)
	var done []porcupine.Operation
	for _, one := range history {
		end := one.Return
		if !one.Acknowledged {
			sight, was := seen[one.Value]
			if !one.writes() || !was {
				continue
			}
			end = sight
		}
		done = append(done, porcupine.Operation{
			ClientId: one.Client, Input: one, Call: one.Call, Return: end,
		})
	}
	return done
}

// firstSeen tells of each value when the first request that shows it was there had ended.
func firstSeen(history []operation) map[string]int64 {
	seen := map[string]int64{}
	see := func(value string, end int64) bool {
		earliest, was := seen[value]
		if value == "" || was && earliest <= end {
			return false
		}
		seen[value] = end
		return true
	}
	for _, one := range history {
		switch {
		case !one.Acknowledged:
		case one.Swapped:
			see(one.Expected, one.Return)
		default:
			see(one.Found, one.Return)
		}
	}
	// A cas without an answer whose own value was seen has seen the one that it expected.
	for more := true; more; {
		more = false
		for _, one := range history {
			end, was := seen[one.Value]
			if one.Kind == cas && !one.Acknowledged && was {
				more = see(one.Expected, end) || more
			}
		}
	}
	return seen
}
