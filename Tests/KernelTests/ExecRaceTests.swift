import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

@Suite("a process that joins a container as it ends")
struct ExecRaceTests {
    /// The end falls into another moment of the joining each time.
    @Test("hears that the container has ended, and nothing of what is missing then", arguments: 1...12)
    func joiningAtTheEnd(_ round: Int) throws {
        let host = try TestHost()
        let running = try host.detached(["usleep", "\(50_000 + round * 1_700)"])
        let id = running.record.request.id
        let deadline = Deadline(seconds: 120)
        while !deadline.hasPassed {
            do {
                // One that was there before the end is killed with the container, which is no failure of ours.
                let code = try host.exec(id, ["true"]).code
                #expect(code == 0 || code == 137)
            } catch {
                #expect((error as? Failure)?.code == "container.not-running", "\(error)")
                return
            }
        }
        Issue.record("the container never ended")
    }

    @Test("a program that is not there is told as that, not as the container's end")
    func missingProgram() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "100"])
        do {
            _ = try host.exec(running.record.request.id, ["/bin/nothing"])
            Issue.record("it ran")
        } catch {
            #expect((error as? Failure)?.code == "launch.program-not-found")
        }
    }
}
