// clusterload plays a large cluster to a real master over loopback: agents that register, answer pings and run tasks
// that end at once, frameworks that launch them, and consumers that do not read.
//
//	clusterload -master 127.0.0.1:5050 -agents 10000 -frameworks 1000 -slow 100 -seconds 30
//
// Prints one JSON object with what it measured. Its standard library is all it needs.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	master     = flag.String("master", "127.0.0.1:5050", "host and port of the master")
	pid        = flag.Int("pid", 0, "the master's process, whose memory is watched")
	agentCount = flag.Int("agents", 1000, "simulated agents")
	frameworks = flag.Int("frameworks", 100, "subscribed frameworks")
	active     = flag.Int("active", 20, "frameworks of these that launch tasks; the others suppress offers")
	slow       = flag.Int("slow", 10, "watchers of the cluster that never read")
	seconds    = flag.Int("seconds", 10, "how long tasks are launched")
	atLeast    = flag.Int64("finished", 0, "go on beyond that, for up to a minute, until so many have finished")
	running    = flag.Int("running", 0, "tasks that each agent brings along, as after a change of masters")
	owners     = flag.Int("owners", 1, "frameworks whose these are")
	successor  = flag.String("successor", "", "program and arguments of the master that follows; nothing else is done")
	reader     = flag.Bool("reader", false, "be a plain Go program in the master's place, which only reads what agents say")
	rounds     = flag.Int("reconcile", 0, "how often the owners ask how their tasks are; nothing else is done")
	reads      = flag.Int("reads", 0, "how often the whole state is read before tasks are launched")
	tasksEach  = flag.Int("tasks", 2, "tasks per accepted offer")
)

// samples are durations from whichever goroutine, sorted at the end.
type samples struct {
	sync.Mutex
	all []time.Duration
}

func (s *samples) add(d time.Duration) {
	s.Lock()
	s.all = append(s.all, d)
	s.Unlock()
}

func (s *samples) summary() map[string]any {
	s.Lock()
	defer s.Unlock()
	sort.Slice(s.all, func(i, j int) bool { return s.all[i] < s.all[j] })
	at := func(part float64) float64 {
		if len(s.all) == 0 {
			return 0
		}
		return float64(s.all[int(part*float64(len(s.all)-1))].Microseconds()) / 1000
	}
	return map[string]any{"count": len(s.all), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}
}

func residentMegabytes() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", *pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kilobytes, _ := strconv.Atoi(fields[1])
			return kilobytes / 1024
		}
	}
	return 0
}

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "clusterload: %s: %v\n", what, err)
		os.Exit(1)
	}
}

// together runs n pieces of work, a few at a time, and ends the program at the first that fails.
func together(n, atOnce int, what string, work func(i int) error) time.Duration {
	started := time.Now()
	var wait sync.WaitGroup
	gate := make(chan struct{}, atOnce)
	for i := 0; i < n; i++ {
		wait.Add(1)
		gate <- struct{}{}
		go func(i int) {
			defer wait.Done()
			must(work(i), fmt.Sprintf("%s %d", what, i))
			<-gate
		}(i)
	}
	wait.Wait()
	return time.Since(started)
}

func main() {
	flag.Parse()
	// Memory is there to be used: what is collected meanwhile would be collected on the master's processors.
	debug.SetGCPercent(400)
	if *reader {
		must(serveReader(), "reading")
	}
	result := map[string]any{"agents": *agentCount, "frameworks": *frameworks, "slow": *slow, "running": *running}
	result["memory_mb_idle"] = residentMegabytes()

	result["agents_s"] = together(*agentCount, 200, "agent", func(i int) error { return startAgent(i) }).Seconds()
	result["memory_mb_agents"] = residentMegabytes()
	if *successor != "" {
		must(failOver(result), "failing over")
		show(result)
		return
	}
	if *rounds > 0 {
		must(reconcile(result), "reconciling")
		show(result)
		return
	}

	all := make([]*framework, *frameworks)
	result["frameworks_s"] = together(*frameworks, 50, "framework", func(i int) (err error) {
		all[i], err = subscribe(i, i < *active)
		return err
	}).Seconds()
	result["memory_mb_frameworks"] = residentMegabytes()

	if *reads > 0 {
		for name, encoding := range map[string]string{
			"state": "application/json", "state_protobuf": "application/x-protobuf",
		} {
			found, err := read(*reads, encoding, all[*frameworks-1])
			must(err, "reads")
			result[name] = found
		}
		seconds, err := watch()
		must(err, "watching")
		result["watch_s"] = seconds
		result["memory_mb_reads"] = residentMegabytes()
	}

	must(startSlow(*slow), "slow consumers")
	peak := residentMegabytes()
	begun := time.Now()
	end := begun.Add(time.Duration(*seconds) * time.Second)
	for time.Now().Before(end) || counts.finished.Load() < *atLeast && time.Since(begun) < time.Minute {
		time.Sleep(500 * time.Millisecond)
		if now := residentMegabytes(); now > peak {
			peak = now
		}
	}
	finished := counts.finished.Load()
	result["tasks_launched"] = counts.launched.Load()
	result["tasks_finished"] = finished
	result["tasks_per_s"] = float64(finished) / time.Since(begun).Seconds()
	result["launch_to_running"] = toRunning.summary()
	result["calls"] = calls.summary()
	result["memory_mb_peak"] = peak
	result["agents_lost"] = counts.agentsLost.Load()
	result["frameworks_lost"] = counts.frameworksLost.Load()
	result["refused_calls"] = counts.refused.Load()
	show(result)
}

func show(result map[string]any) {
	text, _ := json.Marshal(result)
	fmt.Println(string(text))
}
