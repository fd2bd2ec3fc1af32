// Money as people read it: pure, tested beside.

// ISO 4217, list one: currencies whose minor unit is not a hundredth; platform/core/money.cc has the
// same. Browsers' own lists differ from ISO's in some (CLDR's custom: no fils of a dinar).
const DIGITS: Record<string, number> = {
  ...Object.fromEntries(['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX',
                         'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'].map((code) => [code, 0])),
  ...Object.fromEntries(['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((code) => [code, 3])),
};

export function minorUnitDigits(currency: string): number {
  return DIGITS[currency] ?? 2;
}

// An amount in major units, `extraDigits` beyond the currency's own: a mean per customer is often
// less than the smallest coin. Without a currency it is a plain number.
export function formatMoney(amount: number, currency: string, extraDigits = 0): string {
  const digits = minorUnitDigits(currency) + extraDigits;
  const places = {minimumFractionDigits: digits, maximumFractionDigits: digits};
  const size = Math.abs(amount);
  const text = /^[A-Z]{3}$/.test(currency)
    ? new Intl.NumberFormat('en', {style: 'currency', currency, ...places}).format(size)
    : new Intl.NumberFormat('en', places).format(size);
  return Number(amount.toFixed(digits)) < 0 ? `−${text}` : text;
}

// An amount in minor units, which need not be whole: it may be an estimate.
export function formatMinorUnits(amount: number, currency: string): string {
  return formatMoney(amount / 10 ** minorUnitDigits(currency), currency);
}
