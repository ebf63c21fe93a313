import LinuxKernel
import RuntimeSpec
import Testing

/// Somebody who listens at linux.seccomp.listenerPath, and is not ours: in Python, with the kernel's numbers of
/// seccomp_unotify(2).
final class CallAgent {
    let socket: String
    private let states: String
    private let process: ProcessHandle
    private var hasEnded = false

    /// Answers the calls of every filter by `answers` in their order, the last one for all that follow: an errno, 0 for
    /// a value of 0, or "continue".
    init(in place: String, answers: [String]) throws {
        socket = "\(place)/agent"
        states = "\(place)/states"
        process = try ToolProcess.start(
            "/usr/bin/python3", ["-c", Self.program, socket, states] + answers,
            descriptors: [nil, nil, nil])
        do {
            try Deadline(seconds: 120).wait("the agent to listen") { HostFacts.exists("\(place)/agent") }
        } catch {
            try end()
            throw error
        }
    }

    /// "The Container Process State" of the specification, one for each filter. Each is written down before a call
    /// of its filter is answered, so nobody who has seen an answer needs to wait.
    func received() throws -> [SpecObject] {
        try TextFile.read(states).split(separator: "\n").map {
            try SpecObject(parsing: Array($0.utf8), document: "the process state")
        }
    }

    func end() throws {
        hasEnded = true
        try process.signal(SignalNumber.kill)
        _ = try process.reap()
    }

    /// A test that throws does not get as far as `end`.
    deinit {
        guard !hasEnded else { return }
        do { try end() } catch { Issue.record("the agent was left behind: \(error)") }
    }

    /// Listens under another name first: who sees the socket can connect to it.
    private static let program = """
        import array, fcntl, os, select, socket, struct, sys
        place, states, answers = sys.argv[1], sys.argv[2], sys.argv[3:]
        RECEIVE, SEND = 0xc0502100, 0xc0182101
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(place + ".new")
        server.listen(8)
        os.rename(place + ".new", place)
        poll = select.poll()
        poll.register(server, select.POLLIN)

        def take():
            peer, _ = server.accept()
            text, extra, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(64))
            numbers = array.array("i")
            for level, kind, data in extra:
                assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                numbers.frombytes(data)
            assert len(numbers) == 1, numbers
            with open(states, "ab") as file:
                file.write(text + b"\\n")
            peer.close()
            poll.register(numbers[0], select.POLLIN)

        def answer(listener):
            call = bytearray(80)
            try:
                fcntl.ioctl(listener, RECEIVE, call)
                word = answers.pop(0) if len(answers) > 1 else answers[0]
                number, = struct.unpack_from("Q", call)
                refusal, flags = (0, 1) if word == "continue" else (-int(word), 0)
                fcntl.ioctl(listener, SEND, struct.pack("QqiI", number, 0, refusal, flags))
            except FileNotFoundError:
                pass

        while True:
            for number, event in poll.poll():
                if number == server.fileno():
                    take()
                elif event & select.POLLIN:
                    answer(number)
                else:
                    poll.unregister(number)
                    os.close(number)
        """
}
