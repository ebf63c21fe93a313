import Determinism

/// Where everybody stands in line, worked out afresh.
extension FairAllocator {
    /// Shares of everybody after the totals or a weight changed.
    mutating func refreshShares() {
        if options.order == .random { return drawLots() }
        guard sharesAreStale else { return }
        sharesAreStale = false
        for slot in clients.indices {
            guard let amounts = clients[slot]?.use.amounts else { continue }
            let refreshed = share(amounts, weight: 1)
            clients[slot]?.use.share = refreshed
        }
        for node in tree.nodes.indices.dropFirst() {
            tree[node].use.share = share(tree[node].use.amounts, weight: tree[node].weight)
            tree[node].own.share = share(tree[node].own.amounts, weight: 1)
        }
        sortEverybody()
    }

    private mutating func sortEverybody() {
        for node in tree.nodes.indices.dropFirst() where tree[node].clients.count > 1 {
            let sorted = tree[node].clients.sorted { clientPrecedes($0, $1) }
            tree[node].clients = sorted
        }
        tree.sortAllChildren()
    }

    /// An order in which each comes first with a chance in proportion to the weight: everybody's place is the moment
    /// of an exponentially distributed event whose rate is the weight.
    private mutating func drawLots() {
        var random = SeededRandom(seed: SeededRandom.scrambled(options.seed) &+ cycles)
        for node in tree.nodes.indices.dropFirst() {
            tree[node].use.share = Self.moment(random.fraction(), rate: tree[node].weight)
            tree[node].own.share = Self.moment(random.fraction(), rate: 1)
        }
        for slot in clients.indices where clients[slot]?.isActive == true {
            clients[slot]?.use.share = Self.moment(random.fraction(), rate: 1)
        }
        sharesAreStale = false
        sortEverybody()
    }

    private static func moment(_ fraction: Double, rate: Double) -> Double {
        -naturalLogarithm(max(fraction, 0x1p-53)) / rate
    }

    /// Of a number above zero: here and not the C library's, whose last digit differs between machines.
    static func naturalLogarithm(_ number: Double) -> Double {
        let reduced = (number.significand - 1) / (number.significand + 1)
        var power = reduced
        var sum = 0.0
        for divisor in stride(from: 1.0, through: 33, by: 2) {
            sum += power / divisor
            power *= reduced * reduced
        }
        return 2 * sum + Double(number.exponent) * 0.693_147_180_559_945_3
    }
}
