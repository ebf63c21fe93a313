/// Waiting that ends.
public enum Patience {
    /// What `body` gives; nil when that takes longer than `seconds`. `body` must give nil when it is cancelled.
    public static func waiting<Value: Sendable>(
        seconds: Double, for body: @escaping @Sendable () async -> Value?
    ) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await body() }
            group.addTask {
                // Cancelled when there is no need to wait any longer.
                do { try await Task.sleep(for: .seconds(seconds)) } catch { return nil }
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
