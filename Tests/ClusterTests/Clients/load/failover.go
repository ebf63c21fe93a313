package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// failOver ends the master at once, starts another on the same registry, and brings all agents back: how long that
// takes from the moment the new one listens until it knows every agent and task. Then the same once more with a plain
// Go program in its place, on the same processors.
func failOver(result map[string]any) error {
	bodies := make([][]byte, *agentCount)
	ids, err := agentIDs()
	if err != nil {
		return err
	}
	for i := range bodies {
		again := registration(i)
		again["agent_id"] = ids[fmt.Sprintf("host%d", i)]
		bodies[i] = record(object{"type": "REGISTER", "content": again})
	}
	defer func() { _ = syscall.Kill(*pid, syscall.SIGKILL) }()
	if err := takeOver(strings.Fields(*successor), bodies, result); err != nil {
		return err
	}
	plain := map[string]any{}
	if err := takeOver([]string{os.Args[0], "-reader", "-master", *master}, bodies, plain); err != nil {
		return err
	}
	result["reader_s"], result["reader_cpu_s"] = plain["known_s"], plain["cpu_s"]
	return nil
}

// takeOver ends whoever answers the agents, starts `words` in its place, and has everybody come back.
func takeOver(words []string, bodies [][]byte, result map[string]any) error {
	counts.agentsLost.Store(0)
	if err := syscall.Kill(*pid, syscall.SIGKILL); err != nil {
		return err
	}
	for counts.agentsLost.Load() < int64(*agentCount) {
		time.Sleep(time.Millisecond)
	}
	next := exec.Command(words[0], words[1:]...)
	next.Stderr = os.Stderr
	begun := time.Now()
	if err := next.Start(); err != nil {
		return err
	}
	*pid = next.Process.Pid
	go next.Wait()
	for {
		connection, err := net.DialTimeout("tcp", *master, time.Second)
		if err == nil {
			connection.Close()
			break
		}
		time.Sleep(time.Millisecond)
	}
	listens, used := time.Now(), ownSeconds()
	result["starts_s"] = listens.Sub(begun).Seconds()
	for until := time.Now().Add(10 * time.Second); metrics()["master/elected"] != 1 && time.Now().Before(until); {
		time.Sleep(2 * time.Millisecond)
	}
	result["leads_s"] = time.Since(listens).Seconds()
	together(*agentCount, 200, "agent", func(i int) error {
		_, err := register(i, bodies[i])
		return err
	})
	result["reregistered_s"] = time.Since(listens).Seconds()
	want := float64(*agentCount * *running)
	var now map[string]float64
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		now = metrics()
		if now["master/tasks_running"] == want && now["master/slaves_active"] == float64(*agentCount) {
			result["known_s"] = time.Since(listens).Seconds()
			result["memory_mb_known"] = residentMegabytes()
			result["cpu_s"] = processorSeconds()
			result["own_cpu_s"] = ownSeconds() - used
			return nil
		}
	}
	return fmt.Errorf("who follows knows %v agents and %v tasks", now["master/slaves_active"], now["master/tasks_running"])
}

// agentIDs are what the master calls its agents, by host.
func agentIDs() (map[string]any, error) {
	headers := map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
	response, err := post(client(70_000, true), "/api/v1", headers, []byte(`{"type":"GET_AGENTS"}`))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Agents struct {
			Agents []struct {
				Info struct {
					Hostname string
					ID       object
				} `json:"agent_info"`
			}
		} `json:"get_agents"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	ids := map[string]any{}
	for _, agent := range answer.Agents.Agents {
		ids[agent.Info.Hostname] = agent.Info.ID
	}
	return ids, nil
}

func metrics() map[string]float64 {
	var values map[string]float64
	response, err := http.Get("http://" + *master + "/metrics/snapshot")
	if err != nil {
		return values
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err == nil {
		_ = json.Unmarshal(text.Bytes(), &values)
	}
	return values
}

// processorSeconds are what the master has used.
func processorSeconds() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", *pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var user, system float64
	_, _ = fmt.Sscan(fields[11], &user)
	_, _ = fmt.Sscan(fields[12], &system)
	return (user + system) / 100
}

// ownSeconds are what this program has used: it plays on the same processors.
func ownSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
