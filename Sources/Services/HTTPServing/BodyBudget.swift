import Synchronization

/// Bytes of collected bodies of all connections together: what each may send by itself, all at once may not.
final class BodyBudget: Sendable {
    let bytesMax: Int
    private let held = Mutex(0)

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    fileprivate func take(_ bytes: Int) -> Bool {
        held.withLock { held in
            guard bytes <= bytesMax - held else { return false }
            held += bytes
            return true
        }
    }

    fileprivate func giveBack(_ bytes: Int) { held.withLock { $0 -= bytes } }
}

/// One body's part of it, given back when nobody holds the request any more.
final class BodyShare: Sendable {
    let budget: BodyBudget
    private let held = Mutex(0)

    init(of budget: BodyBudget) { self.budget = budget }

    deinit { budget.giveBack(held.withLock { $0 }) }

    /// What is smaller is not counted: a large body keeps nobody from saying that he is alive.
    static let smallMax = 64 << 10

    /// False where there is not so much left; what it has it keeps.
    func grow(to bytes: Int) -> Bool {
        held.withLock { held in
            guard bytes > max(held, Self.smallMax) else { return true }
            guard budget.take(bytes - held) else { return false }
            held = bytes
            return true
        }
    }
}
