// Package zones holds tests of whole fleets of several zones: membership within the zones, astrolabe above them, and messages from one to another.
package zones
