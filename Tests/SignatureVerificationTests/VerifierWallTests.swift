import LinuxKernel
import Testing
import TrustFormat

@testable import ImageStorage

@Suite("The walls around the verifier")
struct VerifierWallTests {
    @Test("while it waits for its order it has a filter, no capability, an empty root and nobody's namespaces")
    func walls() throws {
        let program = try Signers.verifier().program
        let order = try OwnedDescriptor.pipe()
        let answer = try OwnedDescriptor.pipe()
        let process = try ToolProcess.start(program, [], descriptors: [order.read, nil, nil, answer.write])
        let place = "/proc/\(process.id)"
        // The filter is the last of its walls.
        let deadline = Deadline(seconds: 60)
        while try !text("\(place)/status").contains("Seccomp:\t2") { try deadline.pause("the verifier's filter") }
        let status = try text("\(place)/status")
        for line in [
            "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000",
            "CapInh:\t0000000000000000", "Threads:\t1",
        ] { #expect(status.contains(line), "\(line)") }
        let root = try OwnedDescriptor.open(RawPath("\(place)/root"), [.directory])
        #expect(try root.entries().isEmpty)
        for namespace in ["mnt", "net", "ipc", "uts", "cgroup"] {
            #expect(
                HostFacts.linkTarget("\(place)/ns/\(namespace)") != HostFacts.linkTarget("/proc/self/ns/\(namespace)"))
        }
        let limits = try text("\(place)/limits")
        #expect(limits.contains("Max cpu time              30"))
        _ = try process.signal(9)
        _ = try process.reap()
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try OwnedDescriptor.open(RawPath(path)).readAll(limit: 1 << 20), as: UTF8.self)
    }

    @Test("an order that is none is answered with a refusal", arguments: ["", "{}", "x", #"{"version":1,"kind":"x"}"#])
    func noOrder(_ text: String) throws {
        let order = try OwnedDescriptor.memoryFile("order")
        try order.write(text)
        try order.seek(to: 0)
        let answer = try OwnedDescriptor.pipe()
        let process = try ToolProcess.start(
            try Signers.verifier().program, [], descriptors: [order, nil, nil, answer.write])
        let end = try process.reap()
        #expect(end == .exited(0))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        let count = try answer.read.read(into: buffer)
        guard case .refusal(nil, let cause) = try VerificationReport(parsing: Array(buffer[..<count])) else {
            return #expect(Bool(false))
        }
        #expect(!cause.isEmpty)
    }

    @Test("without the program nothing is verified, and the refusal says what is missing")
    func missing() throws {
        let verifier = Verifier(beside: Unpacker(program: "/nowhere/bulkhead-unpack"))
        let failure = #expect(throws: (any Error).self) {
            try verifier.check(.openPGP(keyFiles: [[0x99]], messages: [[0xa3]]))
        }
        #expect("\(String(describing: failure))".contains("bulkhead-verify"))
    }
}
