import Allocation
import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// When the allocator runs, and what becomes of what it hands out.
extension MasterCore {
    /// More go out as further events: a client reads a record as a whole.
    static let offersInEventMax = 1_000

    // MARK: When

    /// Something is free, or somebody wants something: the allocator runs at the end of this event, or as soon as its
    /// runs may follow each other.
    mutating func wantAllocation() { wantsAllocation = true }

    /// What was refused or left over goes out with the next regular run, so that refusing at once over and over costs
    /// the refusing framework time and not the master.
    mutating func wantLaterAllocation() { wantsLaterAllocation = true }

    mutating func allocateIfDue(at now: Instant) {
        if wantsAllocation {
            allocationDue = min(allocationDue ?? .distantFuture, lastAllocation + configuration.allocationSpacing)
        } else if wantsLaterAllocation {
            allocationDue = min(allocationDue ?? .distantFuture, lastAllocation + configuration.allocationInterval)
        }
        wantsAllocation = false
        wantsLaterAllocation = false
        if hasSteppedDown { return }
        if let due = allocationDue, due <= now { allocate(at: now) }
        armAllocation(at: now)
    }

    /// One timer for the next run: what is wanted, or the first refusal that runs out.
    private mutating func armAllocation(at now: Instant) {
        var next = allocationDue
        if let wake = allocator.nextWake {
            let regular = max(wake, lastAllocation + configuration.allocationInterval)
            next = min(next ?? .distantFuture, regular)
        }
        guard let next else { return }
        if let current = allocationTimer {
            if current.at <= next { return }
            cancel(current.id)
        }
        allocationTimer = (setTimer(.allocation, at: next), next)
    }

    private mutating func allocate(at now: Instant) {
        allocationDue = nil
        lastAllocation = now
        counters.allocationRuns += 1
        var order: [FrameworkID] = []
        var made: [FrameworkID: [Offer]] = [:]
        for allocation in allocator.cycle(at: now) {
            guard let offer = makeOffer(allocation, at: now) else {
                let holding = Holding(
                    framework: allocation.framework, agent: allocation.agent, resources: allocation.resources)
                allocator.recover(holding, filter: nil, at: now)
                continue
            }
            if made[allocation.framework] == nil { order.append(allocation.framework) }
            made[allocation.framework, default: []].append(offer)
        }
        for framework in order {
            let all = made[framework] ?? []
            for start in stride(from: 0, to: all.count, by: Self.offersInEventMax) {
                publish(.offers(Array(all[start...].prefix(Self.offersInEventMax))), to: framework)
            }
            let away = all.filter { $0.unavailability != nil }.map(\.agent)
            if !away.isEmpty { offerInverse(to: framework, on: Set(away), at: now) }
        }
        armExpiry()
    }

    mutating func newOfferID() -> OfferID? {
        defer { lastOffer += 1 }
        do throws(Failure) { return try OfferID("\(configuration.master.id)-O\(lastOffer)") } catch { return nil }
    }

    private mutating func makeOffer(_ allocation: Allocation, at now: Instant) -> Offer? {
        guard let agent = agents[allocation.agent], agent.isActive,
            let framework = frameworks[allocation.framework], framework.isConnected, framework.isActive
        else { return nil }
        guard let id = newOfferID() else { return nil }
        counters.offersSent += 1
        let info = agent.info
        let offer = Offer(
            id: id, framework: allocation.framework, agent: allocation.agent, role: allocation.role,
            address: info.address, resources: Array(allocation.resources), attributes: info.attributes,
            domain: info.domain, executors: (agent.executors[allocation.framework] ?? [:]).keys.sorted(),
            unavailability: unavailability(of: info))
        offers[id] = OfferRecord(
            offer: offer, resources: allocation.resources, expires: now + configuration.offerTimeout)
        agents[allocation.agent]?.offers.insert(id)
        frameworks[allocation.framework]?.offers.insert(id)
        if configuration.offerTimeout > .zero { expiries.append(id) }
        return offer
    }

    // MARK: Expiry

    /// All offers last equally long, so the oldest is always the next to run out.
    private mutating func armExpiry() {
        guard expiryTimer == nil else { return }
        while expiriesHead < expiries.count {
            if let offer = offers[expiries[expiriesHead]] {
                expiryTimer = setTimer(.offerExpiry, at: offer.expires)
                break
            }
            expiriesHead += 1
        }
        if expiriesHead > 1_024, expiriesHead * 2 > expiries.count {
            expiries.removeFirst(expiriesHead)
            expiriesHead = 0
        }
    }

    mutating func expireOffers(at now: Instant) {
        expiryTimer = nil
        while expiriesHead < expiries.count {
            let id = expiries[expiriesHead]
            if let offer = offers[id] {
                if offer.expires > now { break }
                counters.offersExpired += 1
                note(
                    "offer.expired", "A framework has not answered an offer in time", level: .warning,
                    ["offer": id.text, "framework": offer.offer.framework.text])
                // The resources go to others first: to offer them to the same one again is what has just failed.
                rescind(id, filter: .standard, at: now)
            }
            expiriesHead += 1
        }
        armExpiry()
    }

    // MARK: Coming back

    /// Takes an offer out of the tables. Its resources still count as the framework's.
    @discardableResult
    mutating func takeOffer(_ id: OfferID) -> OfferRecord? {
        guard let record = offers.removeValue(forKey: id) else { return nil }
        agents[record.offer.agent]?.offers.remove(id)
        frameworks[record.offer.framework]?.offers.remove(id)
        return record
    }

    /// Takes an offer back and tells the framework. With a filter it counts as refused.
    mutating func rescind(_ id: OfferID, filter: OfferFilter? = nil, tell: Bool = true, at now: Instant) {
        guard let record = takeOffer(id) else { return }
        let offer = record.offer
        allocator.recover(
            Holding(framework: offer.framework, agent: offer.agent, resources: record.resources), filter: filter,
            at: now)
        wantAllocation()
        if tell {
            counters.offersRescinded += 1
            publish(.rescind(id), to: offer.framework)
        }
    }

    mutating func rescindOffers(of agent: AgentID, at now: Instant) {
        guard let record = agents[agent] else { return }
        for id in record.offers.sorted() { rescind(id, at: now) }
        for id in record.inverseOffers.sorted() { rescindInverse(id) }
    }

    /// Takes everything back from a framework that does not listen any more, or has never heard of it.
    mutating func withdrawOffers(of framework: FrameworkID, at now: Instant) {
        guard let record = frameworks[framework] else { return }
        for id in record.offers.sorted() { rescind(id, tell: false, at: now) }
        for id in record.inverseOffers.sorted() { rescindInverse(id) }
    }

    mutating func decline(_ ids: [OfferID], _ filter: OfferFilter, of framework: FrameworkID, at now: Instant) {
        var declined = 0
        for id in ids where offers[id]?.offer.framework == framework {
            guard let record = takeOffer(id) else { continue }
            declined += 1
            returnUnused(record.resources, of: framework, on: record.offer.agent, filter, at: now)
        }
        counters.offersDeclined += UInt64(declined)
        frameworks.change(framework) { $0.counters.countOffers(.declined, declined) }
    }

    /// What was offered and not used.
    mutating func returnUnused(
        _ resources: Resources, of framework: FrameworkID, on agent: AgentID, _ filter: OfferFilter, at now: Instant
    ) {
        guard !resources.isEmpty else { return }
        allocator.recover(
            Holding(framework: framework, agent: agent, resources: resources), filter: filter, at: now)
        wantLaterAllocation()
    }
}
