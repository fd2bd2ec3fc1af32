// Sums of squares of money overflow 64 bits after a few large purchases: 128 bits hold 10^18 minor
// units squared, a hundred times over.
#pragma once

namespace rondo::stats {

// Signed, two's complement. An extension that both of our compilers have.
__extension__ typedef __int128 Int128;

}  // namespace rondo::stats
