import Diagnostics
import LinuxKernel
import RuntimeSpec
import Testing

@testable import Bundles

@Suite("a container is started once")
struct StartOnceTests {
    @Test("let go by somebody who was killed before saying so: start says that it runs, and so does state")
    func killedStarter() throws {
        let bundle = try TestBundle.running("echo started > /mark; sleep 600")
        #expect(try bundle.create().status == 0)
        let place = try bundle.states().open("one", [.directory])
        // What a starter does first; the end of a process closes the connection too.
        _ = try place.connectForPackets(to: BundleStart.socketName)
        try bundle.waitFor("rootfs/mark")
        let start = try bundle.call("start", TestBundle.id)
        #expect(start.status == 1)
        #expect(start.errors.contains("cannot start a container in the running state"), "\(start.errors)")
        #expect(try bundle.state().string("status") == "running")
        #expect(try bundle.call("exec", TestBundle.id, "true").status == 0)
        try bundle.remove()
    }

    @Test("whoever comes while somebody starts it waits, and finds it running")
    func twoStarts() throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        let runtime = BundleRuntime(root: "\(bundle.place)/state", launcherPath: TestBundle.launcher)
        let record = try runtime.required(TestBundle.id)
        // As whoever came first.
        let place = try runtime.store.open(TestBundle.id)
        #expect(try place.lock(exclusive: true, wait: false))
        let outcome = Monitor<String?>(nil)
        let second = try WorkerThread {
            let said: String
            do throws(Failure) {
                _ = try runtime.takeSocket(record, in: try runtime.store.open(TestBundle.id))
                said = "started"
            } catch { said = error.code.rawValue }
            outcome.withLock { $0 = said }
        }
        let deadline = Deadline(seconds: TestBundle.patience)
        while try !TestBundle.isAwaited(place), outcome.withLock({ $0 == nil }) { try deadline.pause("the second") }
        let socket = try place.connectForPackets(to: BundleStart.socketName)
        try place.unlink(RawPath(BundleStart.socketName))
        try place.unlock()
        second.join()
        withExtendedLifetime(socket) {}
        let said = outcome.withLock { $0 }
        #expect(said == "bundle.wrong-state")
        #expect(try bundle.state().string("status") == "running")
        try bundle.remove()
    }

    private static let many = """
        for i in 1 2 3 4 5 6; do { $1 --root $2/state start one 2> /dev/null && echo ok; } & done; wait
        """

    @Test("of many who start it at once one does")
    func manyStarts() throws {
        let bundle = try TestBundle.running("echo started >> /mark; sleep 600")
        #expect(try bundle.create().status == 0)
        let answer = try ProgramAnswer.of(
            "/bin/sh", ["-c", Self.many, "sh", TestBundle.program, bundle.place],
            environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
        #expect(answer.output == "ok\n", "\(answer)")
        #expect(try bundle.state().string("status") == "running")
        try bundle.remove()
    }

    @Test("killed while it was being started: whoever starts it hears that it never took the connection")
    func killedMeanwhile() throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        let process = try ProcessHandle.open(try #require(try bundle.state().integer("pid", as: Int32.self)))
        try process.signal(SignalNumber.stop)
        let deadline = Deadline(seconds: TestBundle.patience)
        // Before that it might still take a connection.
        while try !TextFile.read("/proc/\(process.id)/stat").contains(") T ") { try deadline.pause("it to stop") }
        let start = try CallUnderWay { try bundle.call("start", TestBundle.id) }
        let socket = "\(bundle.place)/state/one/\(BundleStart.socketName)"
        try Deadline(seconds: TestBundle.patience).wait("the start") { !HostFacts.exists(socket) }
        try process.signal(SignalNumber.kill)
        let answer = try start.wait()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("cannot start a container in the "), "\(answer.errors)")
        try bundle.remove()
    }
}
