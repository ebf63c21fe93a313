public import LinuxKernel
import Synchronization

extension OwnedDescriptor {
    /// Waits, without holding a thread up, until there is something to read (or the end), or room to write. False when
    /// the waiting task was cancelled.
    public func awaitReadiness(
        _ readiness: DescriptorWatch.Readiness = .reading
    ) async throws(KernelError) -> Bool {
        try await Self.awaitAny([self], readiness)
    }

    /// The same for the first of several.
    public static func awaitAny(
        _ descriptors: [OwnedDescriptor], _ readiness: DescriptorWatch.Readiness = .reading
    ) async throws(KernelError) -> Bool {
        let watch = DescriptorWatch.shared
        let wait = ReadinessWait()
        let outcome: Result<Bool, KernelError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard wait.begin(continuation) else { return continuation.resume(returning: .success(false)) }
                do throws(KernelError) {
                    for descriptor in descriptors {
                        wait.note(try watch.once(descriptor, readiness) { wait.end(.success(true)) })
                    }
                } catch {
                    wait.end(.failure(error))
                }
            }
        } onCancel: {
            wait.end(.success(false))
        }
        for token in wait.tokens { watch.cancel(token) }
        return try outcome.get()
    }
}

/// The one continuation of a wait, resumed by whatever comes first.
private final class ReadinessWait: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Result<Bool, KernelError>, Never>)
        case over
    }
    private let state = Mutex(State.new)
    private let noted = Mutex<[DescriptorWatch.Token]>([])

    func note(_ token: DescriptorWatch.Token) { noted.withLock { $0.append(token) } }
    var tokens: [DescriptorWatch.Token] { noted.withLock { $0 } }

    func begin(_ continuation: CheckedContinuation<Result<Bool, KernelError>, Never>) -> Bool {
        state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
    }

    func end(_ result: Result<Bool, KernelError>) {
        let continuation = state.withLock { state -> CheckedContinuation<Result<Bool, KernelError>, Never>? in
            defer { state = .over }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
        continuation?.resume(returning: result)
    }
}
