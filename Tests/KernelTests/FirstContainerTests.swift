import Containers
import LinuxKernel
import Testing

@Suite("A container runs and ends", .serialized)
struct FirstContainerTests {
    @Test("a command's output and exit code come back")
    func runs() throws {
        let host = try TestHost()
        let outcome = try host.shell("echo hello; echo trouble >&2; exit 3")
        #expect(outcome.output == "hello\n")
        #expect(outcome.error == "trouble\n")
        #expect(outcome.exit.code == 3)
    }
}
