/** Shows another screen, by an address that `href` made. */
export function goTo(address: string): void {
  location.hash = address;
}
