public import Diagnostics

/// Parts of a bag, and bags with every resource changed alike.
extension Resources {
    /// The resources that `isIncluded` accepts, with their copies. The bag itself when that is all of them.
    public func only(where isIncluded: (Resource) -> Bool) -> Resources {
        guard let first = entries.firstIndex(where: { !isIncluded($0.resource) }) else { return self }
        var result = Resources()
        result.entries = Array(entries[..<first])
        for entry in entries[(first + 1)...] where isIncluded(entry.resource) { result.entries.append(entry) }
        return result
    }

    public func hasAny(where isMeant: (Resource) -> Bool) -> Bool {
        entries.contains { isMeant($0.resource) }
    }

    public var unreserved: Resources { only { !$0.isReserved } }
    public var reserved: Resources { only { $0.isReserved } }
    public func reserved(for role: RoleName) -> Resources { only { $0.reservedFor == role } }
    /// What a framework of `role` may have: nobody's, the role's own, and that of the roles above it.
    public func allocatable(to role: RoleName) -> Resources { only { $0.isAllocatable(to: role) } }
    public var revocable: Resources { only { $0.isRevocable } }
    public var nonRevocable: Resources { only { !$0.isRevocable } }
    public var shared: Resources { only { $0.isShared } }
    public var nonShared: Resources { only { !$0.isShared } }
    public var persistentVolumes: Resources { only { $0.isPersistentVolume } }
    public var scalars: Resources {
        only {
            if case .scalar = $0.value { return true }
            return false
        }
    }
    public func named(_ name: String) -> Resources { only { $0.name == name } }

    private func mapped(_ change: (inout Resource) -> Void) -> Resources {
        var result = self
        for index in result.entries.indices { change(&result.entries[index].resource) }
        return result
    }

    /// Changed resources that may have become of one kind.
    private func merged(_ change: (inout Resource) -> Void) -> Resources {
        var result = Resources()
        for entry in entries {
            var resource = entry.resource
            change(&resource)
            result.add(resource, copies: entry.copies)
        }
        return result
    }

    /// The same resources, offered or given to `role`.
    public func allocated(to role: RoleName) -> Resources {
        if entries.contains(where: { $0.resource.allocatedTo != nil && $0.resource.allocatedTo != role }) {
            return merged { $0.allocatedTo = role }
        }
        return mapped { $0.allocatedTo = role }
    }

    /// The same resources, in nobody's hands.
    public func unallocated() -> Resources {
        entries.contains { $0.resource.allocatedTo != nil } ? merged { $0.allocatedTo = nil } : self
    }

    /// The same resources without any reservation; what then is of one kind is merged.
    public func withoutReservations() -> Resources {
        entries.contains { $0.resource.isReserved } ? merged { $0.reservations = [] } : self
    }

    /// The same resources with `reservation` on top of each stack.
    ///
    /// - Throws: `Failure` `resource.invalid` when it does not refine what is there.
    public func reserving(_ reservation: Reservation) throws(Failure) -> Resources {
        let result = mapped { $0.reservations.append(reservation) }
        for entry in result.entries { try entry.resource.validate() }
        return result
    }

    /// The same resources with the last reservation of each taken off.
    ///
    /// - Throws: `Failure` `resource.unreserved` when one has none, or only the agent's own.
    public func unreserving() throws(Failure) -> Resources {
        for entry in entries {
            guard let last = entry.resource.reservations.last, last.origin == .requested else {
                throw Failure(
                    "resource.unreserved", doing: "unreserve", on: entry.resource.description,
                    cause: entry.resource.isReserved ? "the agent's configuration reserves it" : "it is not reserved",
                    remedy: "name resources with a dynamic reservation", field: "resources")
            }
        }
        return merged { $0.reservations.removeLast() }
    }

    /// The sum of all amounts by name, whatever they are reserved for. A shared resource counts once.
    public var quantities: Quantities {
        var result = Quantities()
        for entry in entries {
            if case .scalar(let amount) = entry.resource.value { result.add(amount, of: entry.resource.name) }
        }
        return result
    }

    /// Numbers of the ranges of that name, whatever they are reserved for.
    public func ranges(named name: String) -> Ranges {
        entries.reduce(.empty) { sum, entry in
            guard entry.resource.name == name, case .ranges(let ranges) = entry.resource.value else { return sum }
            return sum.union(ranges)
        }
    }

    /// The amount of that name, whatever it is reserved for.
    public func amount(of name: String) -> Scalar {
        entries.reduce(.zero) { sum, entry in
            guard entry.resource.name == name, case .scalar(let amount) = entry.resource.value else { return sum }
            return sum + amount
        }
    }

    /// The same bag with the amounts of unreserved, non-revocable resources cut down so that each name's sum is at most
    /// what `allowance` says; nil leaves a name alone. What goes only whole and does not fit is left out.
    public func trimmingUnreserved(to allowance: (String) -> Scalar?) -> Resources {
        var result = Resources()
        var given = Quantities()
        for entry in entries {
            var resource = entry.resource
            guard !resource.isReserved, !resource.isRevocable, case .scalar(let amount) = resource.value,
                let allowed = allowance(resource.name)
            else {
                result.entries.append(entry)
                continue
            }
            let left = allowed - given[resource.name]
            let kept = amount <= left ? amount : (resource.isDivisible ? left : .zero)
            if kept.isZero { continue }
            given.add(kept, of: resource.name)
            resource.value = .scalar(kept)
            result.entries.append(Entry(resource: resource, copies: 1))
        }
        return result
    }
}
