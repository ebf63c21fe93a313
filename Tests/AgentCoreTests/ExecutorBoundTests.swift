import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("What executors may say and have")
struct ExecutorBoundTests {
    @Test("an executor's data that is too large for the journal is left out, and the update says so")
    func largeData() {
        var scenario = ExecutorTests.subscribed("a")
        var update = ExecutorTests.update("a", .running, 1)
        update.data = Array(repeating: 1, count: (1 << 20) + 1)
        scenario.feed(.executorCalled(ExecutorTests.call(.update(update))))
        #expect(scenario.last("a")?.data == nil && scenario.last("a")?.message?.contains("updateDataMax") == true)
    }

    @Test("an executor's words and labels that are too large for the journal are left out, and the update says so")
    func largeText() throws {
        var scenario = ExecutorTests.subscribed("a")
        var update = ExecutorTests.update("a", .running, 1)
        update.message = String(repeating: "x", count: 5 << 20)
        update.labels = [Label("k", String(repeating: "y", count: 5 << 20))]
        scenario.feed(.executorCalled(ExecutorTests.call(.update(update))))
        let told = try #require(scenario.last("a"))
        let message = try #require(told.message)
        #expect(told.state == .running && told.labels.isEmpty && message.utf8.count < 20 << 10)
        #expect(message.contains("updateMessageMax") && message.contains("updatePartsMax"))
        let largest = try scenario.largestRecord
        #expect(largest < 1 << 20)
    }

    @Test("an executor that is too large for the journal is not started")
    func largeExecutor() throws {
        var scenario = Scenario()
        var executor = ExecutorSpec.custom
        executor.data = Array(repeating: 7, count: 5 << 20)
        scenario.master(.runGroup([.under(.custom, "a")], under: executor, of: .sample))
        #expect(scenario.last("a")?.message?.contains("specBytesMax") == true && scenario.launches.isEmpty)
        let largest = try scenario.largestRecord
        #expect(largest < 1 << 20)
    }

    // Where a volume is on the host follows from what its resource says.
    @Test("a volume that the agent does not have is mounted for nobody")
    func foreignVolumes() {
        var directory = TaskLaunchTests.volume
        directory.disk?.source = Disk.Source(.mount, root: "/etc")
        for volume in [TaskLaunchTests.volume, directory] {
            var scenario = Scenario(.sample.with { $0.resources.append(OperationTests.disk(1_000)) })
            var executor = ExecutorSpec.custom
            executor.resources.append(volume)
            scenario.run(.under(executor, "a"))
            #expect(scenario.last("a")?.message?.contains("this agent has no volume") == true)
            #expect(scenario.launches.isEmpty)
        }
        var scenario = Scenario(.sample.with { $0.resources.append(TaskLaunchTests.volume) })
        var executor = ExecutorSpec.custom
        executor.resources.append(TaskLaunchTests.volume)
        scenario.run(.under(executor, "a"))
        #expect(scenario.launches.first?.volumes.last?.source == "/var/lib/bulkhead/volumes/roles/eng/db")
    }

    @Test("a volume that its running container does not have refuses a task")
    func lateVolume() {
        var scenario = Scenario(.sample.with { $0.resources.append(TaskLaunchTests.volume) })
        scenario.run(.under(.custom, "a"))
        scenario.run(.under(.custom, "b") { $0.resources.append(TaskLaunchTests.volume) })
        #expect(scenario.last("b")?.message?.contains("launched without this volume") == true)
    }
}
