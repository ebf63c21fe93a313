package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/controller"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpsched"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/events"
)

// framework launches a command task and one under its executor, exchanges messages with it, and kills both.
type framework struct {
	caller calls.Caller
	id     string
	agent  mesos.AgentID
	offers int
	states map[string]mesos.TaskState
	seen   map[string]bool
}

const secret = "data of the task"

func runScheduler(ctx context.Context, codec encoding.Codec) error {
	client := httpcli.New(httpcli.Endpoint("http://"+*master+"/api/v1/scheduler"), httpcli.Codec(codec))
	f := &framework{
		caller: httpsched.NewCaller(client), states: map[string]mesos.TaskState{}, seen: map[string]bool{},
	}
	info := &mesos.FrameworkInfo{User: "root", Name: "mesos-go in " + codec.Name, Roles: []string{"go"}}
	info.Capabilities = []mesos.FrameworkInfo_Capability{{Type: mesos.FrameworkInfo_Capability_MULTI_ROLE}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ended error
	err := controller.Run(ctx, info, f.caller,
		controller.WithEventHandler(events.HandlerFuncs{
			scheduler.Event_SUBSCRIBED: f.subscribed,
			scheduler.Event_OFFERS:     f.offered,
			scheduler.Event_UPDATE:     f.updated,
			scheduler.Event_MESSAGE:    f.message,
			scheduler.Event_ERROR: func(_ context.Context, e *scheduler.Event) error {
				return fmt.Errorf("the master says: %s", e.GetError().GetMessage())
			},
		}),
		controller.WithSubscriptionTerminated(func(err error) { ended = err; cancel() }))
	if ended != nil {
		return ended
	}
	return err
}

func (f *framework) call(ctx context.Context, call *scheduler.Call) error {
	call.FrameworkID = &mesos.FrameworkID{Value: f.id}
	if err := calls.CallNoData(ctx, f.caller, call); err != nil {
		return fmt.Errorf("%v: %w", call.Type, err)
	}
	return nil
}

func (f *framework) subscribed(_ context.Context, e *scheduler.Event) error {
	f.id = e.GetSubscribed().GetFrameworkID().GetValue()
	log.Printf("subscribed as %s, heartbeats every %v s", f.id, e.GetSubscribed().GetHeartbeatIntervalSeconds())
	if f.id == "" {
		return errors.New("SUBSCRIBED has no framework id")
	}
	return nil
}

func (f *framework) offered(ctx context.Context, e *scheduler.Event) error {
	for _, offer := range e.GetOffers().GetOffers() {
		log.Printf("offer %s of %s: %v", offer.ID.Value, offer.Hostname, offer.Resources)
		f.offers++
		if f.offers > 1 {
			if err := f.call(ctx, calls.Decline(offer.ID).With(calls.RefuseSeconds(3600e9))); err != nil {
				return err
			}
			continue
		}
		f.agent = offer.AgentID
		launch := calls.OpLaunch(f.command(), f.underExecutor())
		accept := calls.Accept(calls.OfferOperations{launch}.WithOffers(offer.ID)).With(calls.RefuseSeconds(0))
		if err := f.call(ctx, accept); err != nil {
			return err
		}
	}
	return nil
}

func (f *framework) task(name string) mesos.TaskInfo {
	return mesos.TaskInfo{
		Name: name, TaskID: mesos.TaskID{Value: name}, AgentID: f.agent,
		Resources: []mesos.Resource{roled(scalar("cpus", 0.1)), roled(scalar("mem", 32))},
	}
}

func roled(resource mesos.Resource) mesos.Resource {
	resource.AllocationInfo = &mesos.Resource_AllocationInfo{Role: text("go")}
	return resource
}

func (f *framework) command() mesos.TaskInfo {
	task := f.task("command")
	task.Command = &mesos.CommandInfo{Value: text("sleep 1000")}
	image := mesos.Image_DOCKER
	task.Container = &mesos.ContainerInfo{
		Type: mesos.ContainerInfo_MESOS.Enum(),
		Mesos: &mesos.ContainerInfo_MesosInfo{
			Image: &mesos.Image{Type: &image, Docker: &mesos.Image_Docker{Name: "busybox"}},
		},
	}
	return task
}

func (f *framework) underExecutor() mesos.TaskInfo {
	task := f.task("executed")
	isProgram := true
	task.Data = []byte(secret)
	task.Executor = &mesos.ExecutorInfo{
		Type: mesos.ExecutorInfo_CUSTOM, ExecutorID: mesos.ExecutorID{Value: "go:1"},
		FrameworkID: &mesos.FrameworkID{Value: f.id},
		Resources:   []mesos.Resource{roled(scalar("cpus", 0.1)), roled(scalar("mem", 64))},
		Command: &mesos.CommandInfo{
			Value: text("exec ./story -executor -codec " + *codecName),
			URIs:  []mesos.CommandInfo_URI{{Value: *self, Executable: &isProgram}},
		},
	}
	return task
}

func (f *framework) updated(ctx context.Context, e *scheduler.Event) error {
	status := e.GetUpdate().GetStatus()
	name, state := status.TaskID.Value, status.GetState()
	log.Printf("update: %s is %v: %s", name, state, status.GetMessage())
	if len(status.UUID) > 0 {
		if f.seen[string(status.UUID)] {
			return fmt.Errorf("an acknowledged update of %s came again", name)
		}
		f.seen[string(status.UUID)] = true
		acknowledge := calls.Acknowledge(status.GetAgentID().GetValue(), name, status.UUID)
		if err := f.call(ctx, acknowledge); err != nil {
			return err
		}
	}
	switch state {
	case mesos.TASK_ERROR, mesos.TASK_FAILED, mesos.TASK_LOST, mesos.TASK_DROPPED, mesos.TASK_FINISHED:
		return fmt.Errorf("%s is %v: %s", name, state, status.GetMessage())
	}
	if status.GetReason() == mesos.REASON_RECONCILIATION {
		return f.killAll(ctx)
	}
	old := f.states[name]
	f.states[name] = state
	switch {
	case state == mesos.TASK_RUNNING && old != state && name == "executed":
		if status.GetMessage() != secret {
			return fmt.Errorf("the executor got other data: %q", status.GetMessage())
		}
		return f.call(ctx, calls.Message(f.agent.Value, "go:1", []byte("hello")))
	case f.states["command"] == mesos.TASK_KILLED && f.states["executed"] == mesos.TASK_KILLED:
		if err := f.call(ctx, calls.Shutdown("go:1", f.agent.Value)); err != nil {
			return err
		}
		if err := f.call(ctx, &scheduler.Call{Type: scheduler.Call_TEARDOWN}); err != nil {
			return err
		}
		return errDone
	}
	return nil
}

func (f *framework) message(ctx context.Context, e *scheduler.Event) error {
	data := string(e.GetMessage().GetData())
	log.Printf("message: %s", data)
	if data != "echo hello" {
		return fmt.Errorf("the executor said %q", data)
	}
	return f.call(ctx, calls.Reconcile(calls.ReconcileTasks(map[string]string{"executed": f.agent.Value})))
}

func (f *framework) killAll(ctx context.Context) error {
	for _, name := range []string{"command", "executed"} {
		if err := f.call(ctx, calls.Kill(name, f.agent.Value)); err != nil {
			return err
		}
	}
	return nil
}
