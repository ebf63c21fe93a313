import Diagnostics
import LinuxKernel
import TrustFormat

/// The confined program that verifies what needs large libraries: RSA and OpenPGP. It is started only when a signature
/// of such a kind decides, once a question, and is given nothing but the question.
///
/// Descriptors of the child: 0 the order, a sealed file in memory, 1 and 2 /dev/null, 3 the answer. Its environment is
/// empty and its directory `/`. Both documents are `VerificationOrder`'s and `VerificationReport`'s.
struct Verifier: SignatureChecking {
    let program: String
    /// Its own limit of processor time ends it sooner unless the machine is very busy.
    private static let seconds = 120.0

    /// The two programs are installed together.
    init(beside unpacker: Unpacker) {
        let parts = unpacker.program.cut(at: "/", omittingEmptySubsequences: false)
        program = (parts.dropLast() + ["bulkhead-verify"]).joined(separator: "/")
    }

    func check(_ order: VerificationOrder) throws(Failure) -> [VerificationAnswer] {
        switch try report(on: order) {
        case .answers(let answers): return answers
        case .refusal(let file, let cause):
            guard let file else {
                throw Failure(
                    "image.verifier-broken", doing: "verify the image's signatures", on: program, cause: cause,
                    remedy: "check that the program belongs to this version of Bulkhead and runs as root")
            }
            throw Failure(
                "image.key-invalid", doing: "use the policy's key", on: "number \(file + 1) of its requirement",
                cause: cause, remedy: "write the key again, for OpenPGP with 'gpg --export --armor FINGERPRINT'",
                field: "key")
        }
    }

    private func report(on order: VerificationOrder) throws(Failure) -> VerificationReport {
        guard HostFacts.exists(program) else {
            throw Failure(
                "image.verifier-missing", doing: "find the verifier", on: program, cause: "it is not there",
                remedy: "install bulkhead-verify beside bulkhead-unpack; RSA and OpenPGP signatures need it")
        }
        let process: ProcessHandle
        let answer: OwnedDescriptor
        do throws(KernelError) {
            let input = try OwnedDescriptor.memoryFile("bulkhead-order")
            try input.write(order.text)
            try input.seek(to: 0)
            try input.seal()
            let ends = try OwnedDescriptor.pipe()
            answer = ends.read
            process = try ToolProcess.start(program, [], descriptors: [input, nil, nil, ends.write])
        } catch {
            throw error.failure("image.verifier-start", doing: "start the verifier", on: program, retry: .later)
        }
        let content: [UInt8]?
        let end: ProcessEnd
        do throws(KernelError) {
            do throws(KernelError) { content = try Self.read(answer, until: Deadline(seconds: Self.seconds)) } catch {
                try process.killAndReap()
                throw error
            }
            if content == nil { _ = try process.signal(9) }
            end = try process.reap(within: Self.seconds)
        } catch {
            throw error.failure("image.verifier-broken", doing: "read the verifier's answer", on: program)
        }
        guard let content, end == .exited(0) else { throw Self.failure(of: end, hasAnswer: content != nil) }
        return try VerificationReport(parsing: content)
    }

    /// Nil when the answer is too long or does not come.
    private static func read(
        _ source: OwnedDescriptor, until deadline: Deadline
    ) throws(KernelError) -> [UInt8]? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var content: [UInt8] = []
        while !deadline.hasPassed {
            guard try source.waitReadable(milliseconds: 100) else { continue }
            let count = try source.read(into: buffer)
            if count == 0 { return content }
            content.append(contentsOf: buffer[..<count])
            guard content.count <= TrustLimits.verifierAnswerBytes else { return nil }
        }
        return nil
    }

    private static func failure(of end: ProcessEnd, hasAnswer: Bool) -> Failure {
        let cause =
            switch end {
            case .signaled(let signal) where hasAnswer: "the verifier was killed by \(SignalName.of(signal))"
            case .exited(let status) where hasAnswer: "the verifier ended with status \(status)"
            default: "the verifier did not end with an answer in time, or said too much"
            }
        return Failure(
            "image.verifier-killed", doing: "verify the image's signatures", cause: cause,
            remedy: "a signature of the image is hostile, or the host is out of memory; do not use the image")
    }
}
