public import Diagnostics
import LinuxKernel
import OCIFormat

/// The confined program that touches hostile bytes for the store: `bulkhead-unpack`. The store never decodes an archive
/// or a compressed stream itself.
///
/// Descriptors of the child: 0 input, 1 and 2 /dev/null, 3 target directory, 4 results, and for `layer` the `fs`
/// directories of the layers below from 5 on, topmost first. Its environment is empty and its directory `/`. What it
/// takes as arguments is in `UnpackOrder`, what it answers in `ResultLine`, both of LayerUnpacking.
public struct Unpacker: Sendable {
    public let program: String

    public init(program: String) { self.program = program }

    /// The program beside the one that runs now.
    /// - Throws: `image.unpacker-missing`.
    public static func besideThisProgram() throws(Failure) -> Unpacker {
        let own = HostFacts.linkTarget("/proc/self/exe") ?? ""
        let directory = own.cut(at: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let program = directory + "/bulkhead-unpack"
        guard HostFacts.exists(program) else {
            throw Failure(
                "image.unpacker-missing", doing: "find the unpacker", on: program, cause: "it is not there",
                remedy: "install bulkhead-unpack beside bulkhead")
        }
        return Unpacker(program: program)
    }

    /// One run: reads the lines of results as they come, and ends with the one called `done`.
    ///
    /// - Parameter reading: what is read, for the failure when the unpacker dies: "layer 2".
    /// - Throws: the unpacker's own `failure`; `image.unpacker-killed` and `image.unpacker-broken` when it ended
    ///   without.
    func run(
        _ arguments: [String], input: OwnedDescriptor, target: OwnedDescriptor, lowers: [OwnedDescriptor] = [],
        reading subject: String, onProgress: (UInt64) -> Void = { _ in }, onLine: (JSONObject) throws(Failure) -> Void
    ) throws(Failure) -> JSONObject {
        let results: OwnedDescriptor
        let process: ProcessHandle
        do throws(KernelError) {
            let ends = try OwnedDescriptor.pipe()
            results = ends.read
            let descriptors: [OwnedDescriptor?] = [input, nil, nil, target, ends.write] + lowers
            process = try ToolProcess.start(program, arguments, descriptors: descriptors)
        } catch {
            throw error.failure("image.unpacker-start", doing: "start the unpacker", on: program)
        }
        var reader = ResultReader(source: results, input: input)
        var outcome: Result<JSONObject?, Failure>
        do throws(Failure) {
            outcome = .success(try reader.readAll(onProgress, onLine))
        } catch {
            // A worker whose words we cannot use must not go on writing.
            outcome = .failure(error)
            do throws(KernelError) { try process.signal(9) } catch {
                outcome = .failure(stopFailure(error, first: outcome))
            }
        }
        let end: ProcessEnd
        do throws(KernelError) { end = try process.reap() } catch {
            throw error.failure("image.unpacker-start", doing: "wait for the unpacker", on: program)
        }
        if let done = try outcome.get(), end == .exited(0) { return done }
        throw endFailure(end, subject)
    }

    /// The SHA-256 of everything `input` still has.
    func digest(of input: OwnedDescriptor, named subject: String) throws(Failure) -> Digest {
        let output: OwnedDescriptor
        let process: ProcessHandle
        let text: [UInt8]
        let end: ProcessEnd
        do throws(KernelError) {
            let ends = try OwnedDescriptor.pipe()
            output = ends.read
            process = try ToolProcess.start(program, ["digest"], descriptors: [input, ends.write, nil])
        } catch {
            throw error.failure("image.unpacker-start", doing: "start the unpacker", on: program)
        }
        do throws(KernelError) {
            do throws(KernelError) { text = try output.readAll(limit: 64 << 10) } catch {
                try process.killAndReap()
                throw error
            }
            end = try process.reap()
        } catch {
            throw error.failure("image.unpacker-broken", doing: "read the unpacker's results")
        }
        guard end == .exited(0) else { throw endFailure(end, subject) }
        return try Digest(parsing: String(decoding: text.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    private func stopFailure(_ error: KernelError, first: Result<JSONObject?, Failure>) -> Failure {
        let stopping = error.failure("image.unpacker-start", doing: "stop the unpacker", on: program)
        guard case .failure(let failure) = first else { return stopping }
        return failure.also(stopping)
    }

    private func endFailure(_ end: ProcessEnd, _ subject: String) -> Failure {
        switch end {
        case .signaled(let signal):
            Failure(
                "image.unpacker-killed", doing: "read \(subject)",
                cause: "the unpacker was killed by \(SignalName.of(signal))",
                remedy: signal == 9
                    ? "the host may be out of memory; try again when it is not"
                    : "the image is damaged or hostile, or the unpacker has a bug; do not use the image",
                retry: signal == 9 ? .later : .never)
        case .exited(let status):
            Failure(
                "image.unpacker-broken", doing: "read \(subject)",
                cause: "the unpacker ended with status \(status) and no result",
                remedy: "check that \(program) belongs to this version of Bulkhead")
        }
    }
}

/// Lines of JSON from a worker that may have been taken over by what it reads: bounded, and believed only in form.
private struct ResultReader {
    let source: OwnedDescriptor
    /// What the worker reads, through the same open file: its position tells how far the worker is.
    let input: OwnedDescriptor
    private var pending: [UInt8] = []
    private var done: JSONObject?

    private static let lineBytesMax = 64 << 10
    private static let bounds = JSONBounds(bytes: UInt64(lineBytesMax), depth: 8, values: 1_024)

    init(source: OwnedDescriptor, input: OwnedDescriptor) {
        self.source = source
        self.input = input
    }

    private static let progressMilliseconds: Int32 = 100

    mutating func readAll(
        _ onProgress: (UInt64) -> Void, _ onLine: (JSONObject) throws(Failure) -> Void
    ) throws(Failure) -> JSONObject? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.lineBytesMax, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try onStore("read the unpacker's results") { () throws(KernelError) -> Int in
                while try !source.waitReadable(milliseconds: Self.progressMilliseconds) { reportPosition(onProgress) }
                return try source.read(into: buffer)
            }
            if count == 0 { return done }
            for byte in buffer[..<count] {
                if byte != UInt8(ascii: "\n") {
                    pending.append(byte)
                    continue
                }
                try line(onLine)
                pending.removeAll(keepingCapacity: true)
            }
            guard pending.count <= Self.lineBytesMax else { throw Self.broken("a line of its results is too long") }
        }
    }

    private func reportPosition(_ onProgress: (UInt64) -> Void) {
        // A pipe has no position: its bytes come as `progress` lines.
        do throws(KernelError) { onProgress(UInt64(clamping: try input.position())) } catch { return }
    }

    private mutating func line(_ onLine: (JSONObject) throws(Failure) -> Void) throws(Failure) {
        guard done == nil else { throw Self.broken("it went on after its last result") }
        let object = try Self.bounds.object(parsing: pending, as: "the unpacker's results")
        if let failure = try object.object("failure") { throw try Failure(reportedBy: failure) }
        if let last = try object.object("done") {
            done = last
        } else {
            try onLine(object)
        }
    }

    static func broken(_ cause: String) -> Failure {
        Failure("image.unpacker-broken", doing: "read the unpacker's results", cause: cause)
    }
}

extension Failure {
    fileprivate init(reportedBy object: JSONObject) throws(Failure) {
        let bytes = 16 << 10
        guard let code = try object.string("code", bytes: 128), let doing = try object.string("doing", bytes: bytes)
        else {
            throw object.missing("code")
        }
        self.init(
            Code(rawValue: code), doing: doing, on: try object.string("subject", bytes: bytes),
            cause: try object.string("cause", bytes: bytes), remedy: try object.string("remedy", bytes: bytes),
            field: try object.string("field", bytes: bytes), limit: try object.string("limit", bytes: bytes),
            retry: try object.string("retry", bytes: 16) == "later" ? .later : .never)
    }
}

enum SignalName {
    static func of(_ number: Int32) -> String {
        let names: [Int32: String] = [
            4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM",
            24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
        ]
        return names[number].map { "\($0) (\(number))" } ?? "signal \(number)"
    }
}
