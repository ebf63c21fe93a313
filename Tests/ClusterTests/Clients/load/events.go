package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// owner is a framework that only counts what it is told.
type owner struct {
	id, stream string
	events     chan int
}

// reconcile has every owner ask how all of its tasks are, again and again: each question is answered with an event for
// every task. How many events a second reach them, and how many the master makes in a second of processor time.
func reconcile(result map[string]any) error {
	all := make([]*owner, *owners)
	together(*owners, 50, "framework", func(i int) (err error) {
		all[i], err = own(i)
		return err
	})
	each := *agentCount * *running / *owners
	var best, bestProcessor float64
	for round := 0; round < *rounds; round++ {
		begun, used := time.Now(), processorSeconds()
		together(*owners, 50, "reconciliation", func(i int) error { return all[i].ask() })
		for _, one := range all {
			for got := 0; got < each; got++ {
				select {
				case <-one.events:
				case <-time.After(20 * time.Second):
					return fmt.Errorf("%s has heard of %d of %d tasks", one.id, got, each)
				}
			}
		}
		events := float64(each * *owners)
		best = math.Max(best, events/time.Since(begun).Seconds())
		if used = processorSeconds() - used; used > 0 {
			bestProcessor = math.Max(bestProcessor, events/used)
		}
	}
	result["owners"], result["events"] = *owners, each**owners
	result["events_per_s"], result["events_per_processor_s"] = best, bestProcessor
	result["memory_mb_events"] = residentMegabytes()
	return nil
}

func own(number int) (*owner, error) {
	info := runningFramework(number)
	call := object{"type": "SUBSCRIBE", "framework_id": info["id"], "subscribe": object{
		"framework_info": info, "suppressed_roles": []string{"running"}, "force": true,
	}}
	json := map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
	response, err := post(client(60_000+number, true), "/api/v1/scheduler", json, record(call)[digits(call):])
	if err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, finish(response)
	}
	o := &owner{
		id: info["id"].(object)["value"].(string), stream: response.Header.Get("Mesos-Stream-Id"),
		events: make(chan int, 1<<16),
	}
	reader := bufio.NewReaderSize(response.Body, 1<<16)
	var first object
	if err := next(reader, &first); err != nil {
		return nil, err
	}
	if first["type"] != "SUBSCRIBED" {
		return nil, fmt.Errorf("not subscribed: %v", first)
	}
	go o.listen(reader)
	return o, nil
}

func (o *owner) listen(reader *bufio.Reader) {
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		length, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return
		}
		part := length
		if part > 4096 {
			part = 4096
		}
		begin, _ := reader.Peek(part)
		isUpdate := strings.Contains(string(begin), `"type":"UPDATE"`)
		if _, err := io.CopyN(io.Discard, reader, int64(length)); err != nil {
			return
		}
		if isUpdate {
			o.events <- length
		}
	}
}

func (o *owner) ask() error {
	headers := map[string]string{"Content-Type": "application/json", "Mesos-Stream-Id": o.stream}
	call := object{"type": "RECONCILE", "framework_id": id(o.id), "reconcile": object{"tasks": []object{}}}
	response, err := post(client(50_000, true), "/api/v1/scheduler", headers, record(call)[digits(call):])
	if err != nil {
		return err
	}
	return finish(response)
}
