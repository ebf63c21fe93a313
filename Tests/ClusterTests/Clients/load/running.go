package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// runningFramework has the tasks that agents bring along: one framework all of them, or each of several some.
func runningFramework(number int) object {
	return object{
		"id":   id(fmt.Sprintf("11111111-2222-3333-4444-555555555555-%04d", number)),
		"user": "root", "name": "running", "roles": []string{"running"}, "failover_timeout": 600.0,
		"capabilities": []object{{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}},
	}
}

// bring has a registration report n tasks that run.
func bring(registration object, agent, n int) {
	part := func(name string, value float64) object {
		resource := scalar(name, value)
		resource["allocation_info"] = object{"role": "running"}
		return resource
	}
	tasks, all := make([]object, n), []object{}
	for i := range tasks {
		framework := runningFramework((agent*n + i) % *owners)
		if i < *owners {
			all = append(all, framework)
		}
		name := fmt.Sprintf("web.%d.%d.6f1c7a1e-8c1f-4d0e-b1a7-2f0f3a9f4f11", agent, i)
		tasks[i] = object{
			"framework_id": framework["id"], "state": "TASK_RUNNING",
			"task": object{
				"name": "web", "task_id": id(name), "agent_id": id("unset"), "command": object{"value": "exec web"},
				"resources": []object{part("cpus", 0.01), part("mem", 8)},
				"labels":    object{"labels": []object{{"key": "tier", "value": "front"}}},
			},
			"statuses": []object{{"framework_id": framework["id"], "status": object{
				"task_id": id(name), "agent_id": id("unset"), "state": "TASK_RUNNING", "source": "SOURCE_EXECUTOR",
				"timestamp": 1.79e9, "healthy": true,
			}}},
		}
	}
	registration["frameworks"] = all
	registration["tasks"] = tasks
}

// read asks for the whole state n times in an encoding, one after another, while one framework calls all the time: what
// a read takes, and whether anybody else waits for it.
func read(n int, encoding string, f *framework) (map[string]any, error) {
	var reads, others samples
	var bytes int64
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		headers := map[string]string{"Content-Type": "application/json", "Mesos-Stream-Id": f.stream}
		call := object{"type": "SUPPRESS", "framework_id": id(f.id)}
		for {
			select {
			case <-stop:
				return
			default:
			}
			begun := time.Now()
			response, err := post(f.sender, "/api/v1/scheduler", headers, record(call)[digits(call):])
			if err == nil {
				err = finish(response)
			}
			if err != nil {
				counts.refused.Add(1)
			}
			others.add(time.Since(begun))
			time.Sleep(2 * time.Millisecond)
		}
	}()
	asker := client(70_000, true)
	for i := 0; i < n; i++ {
		begun := time.Now()
		headers := map[string]string{"Content-Type": "application/json", "Accept": encoding}
		response, err := post(asker, "/api/v1", headers, []byte(`{"type":"GET_STATE"}`))
		if err != nil {
			return nil, err
		}
		if response.StatusCode != 200 {
			return nil, finish(response)
		}
		bytes, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		reads.add(time.Since(begun))
	}
	close(stop)
	<-stopped
	return map[string]any{"reads": reads.summary(), "megabytes": bytes >> 20, "calls_meanwhile": others.summary()}, nil
}

// watch says how long a new watcher waits for the whole state.
func watch() (float64, error) {
	begun := time.Now()
	headers := map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
	response, err := post(client(70_001, true), "/api/v1", headers, []byte(`{"type":"SUBSCRIBE"}`))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var length int64
	if _, err := fmt.Fscanf(response.Body, "%d\n", &length); err != nil {
		return 0, err
	}
	var begin strings.Builder
	if _, err := io.CopyN(&begin, response.Body, 20); err != nil {
		return 0, err
	}
	if _, err := io.CopyN(io.Discard, response.Body, length-20); err != nil {
		return 0, err
	}
	return time.Since(begun).Seconds(), nil
}
