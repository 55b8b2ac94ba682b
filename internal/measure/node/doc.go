// Package node makes nodes of this library members that package measure can measure, in the process of the measurement or in their own.
package node
